/* Holds a pod's namespaces, and reaps what its containers leave behind. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void stop(int signal) { (void)signal; _exit(0); }
static void reap(int signal) { (void)signal; while (waitpid(-1, NULL, WNOHANG) > 0); }

int main(int argc, char **argv)
{
	/* The job by which `kubeadm upgrade` tries a cluster runs this, and must end. */
	if (argc > 1 && !strcmp(argv[1], "-v")) return puts("pause of the lab") < 0;
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	signal(SIGCHLD, reap);
	for (;;) pause();
}
