// crictl: those commands of cri-tools' crictl that kubeadm calls, over the same API.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1alpha2"
)

func main() {
	socket, args := "/run/containerd/containerd.sock", os.Args[1:]
	for len(args) > 1 && strings.HasPrefix(args[0], "-") {
		if args[0] == "-r" || args[0] == "--runtime-endpoint" {
			socket = strings.TrimPrefix(args[1], "unix://")
		}
		args = args[2:]
	}
	if len(args) == 0 {
		fail(fmt.Errorf("no command"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	dial := func(ctx context.Context, path string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	conn, err := grpc.DialContext(ctx, socket, grpc.WithInsecure(), grpc.WithContextDialer(dial),
		grpc.WithBlock(), grpc.FailOnNonTempDialError(true))
	fail(err)
	runtime, images := cri.NewRuntimeServiceClient(conn), cri.NewImageServiceClient(conn)

	command, names := args[0], []string{}
	for _, arg := range args[1:] {
		if !strings.HasPrefix(arg, "-") {
			names = append(names, arg)
		}
	}
	switch command {
	case "info":
		status, err := runtime.Status(ctx, &cri.StatusRequest{})
		fail(err)
		fmt.Println(status.Status)
	case "pods": // always as with -q
		pods, err := runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
		fail(err)
		for _, pod := range pods.Items {
			fmt.Println(pod.Id)
		}
	case "ps":
		list, err := runtime.ListContainers(ctx, &cri.ListContainersRequest{})
		fail(err)
		for _, c := range list.Containers {
			fmt.Println(c.Id, c.State, c.Metadata.Name, c.Labels["io.kubernetes.pod.name"])
		}
	case "images":
		list, err := images.ListImages(ctx, &cri.ListImagesRequest{})
		fail(err)
		for _, image := range list.Images {
			fmt.Println(image.Id, image.Size_, image.RepoTags)
		}
	case "stopp", "rmp", "inspecti", "pull", "rmi":
		for _, name := range names {
			spec := &cri.ImageSpec{Image: name}
			switch command {
			case "stopp":
				_, err = runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: name})
			case "rmp":
				_, err = runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: name})
			case "pull":
				_, err = images.PullImage(ctx, &cri.PullImageRequest{Image: spec})
			case "rmi":
				_, err = images.RemoveImage(ctx, &cri.RemoveImageRequest{Image: spec})
			case "inspecti":
				var found *cri.ImageStatusResponse
				found, err = images.ImageStatus(ctx, &cri.ImageStatusRequest{Image: spec})
				if err == nil && found.Image == nil {
					err = fmt.Errorf("no such image %q present", name)
				}
			}
			fail(err)
		}
	default:
		fail(fmt.Errorf("%q is not in this stand-in for crictl", command))
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "crictl:", err)
		os.Exit(1)
	}
}
