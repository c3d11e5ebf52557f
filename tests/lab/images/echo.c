/* For connectivity tests in pods. `echo` answers every HTTP request on port 8080 with the host's
 * name; `echo get ADDRESS [PORT]` prints such an answer and exits non-zero when there is none. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail(const char *what) { perror(what); return 1; }

static int get(const char *address, int port)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	char answer[4096] = "", *body;
	size_t length = 0;
	ssize_t n;
	int s = socket(AF_INET, SOCK_STREAM, 0);

	alarm(5);
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1) return fail("address");
	if (connect(s, (struct sockaddr *)&to, sizeof to)) return fail("connect");
	if (write(s, request, sizeof request - 1) < 0) return fail("write");
	while ((n = read(s, answer + length, sizeof answer - 1 - length)) > 0) length += n;
	if (!(body = strstr(answer, "\r\n\r\n"))) return fail("no answer");
	fputs(body + 4, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(8080) };
	char name[256], request[4096];
	int one = 1, c, s = socket(AF_INET, SOCK_STREAM, 0);

	if (argc > 2 && !strcmp(argv[1], "get")) return get(argv[2], argc > 3 ? atoi(argv[3]) : 8080);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, exit); /* the first process of a container ignores what it does not handle */
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(s, (struct sockaddr *)&any, sizeof any) || listen(s, 64)) return fail("listen");
	gethostname(name, sizeof name);
	while ((c = accept(s, NULL, NULL)) >= 0) {
		struct timeval patience = { .tv_sec = 2 };
		setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		if (read(c, request, sizeof request) > 0)
			dprintf(c, "HTTP/1.0 200 OK\r\nContent-Length: %zu\r\n\r\n%s\n", strlen(name) + 1, name);
		close(c);
	}
	return fail("accept");
}
