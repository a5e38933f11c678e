/* Calls with more parts than are told: 200 messages sent and received at once, and 300 parts written. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define COUNT 200
#define PARTS 300

int main(void)
{
	static struct mmsghdr messages[COUNT];
	static struct iovec parts[PARTS];
	static char byte;
	struct iovec one = {&byte, 1};
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int from = socket(AF_INET, SOCK_DGRAM, 0), to = socket(AF_INET, SOCK_DGRAM, 0), null = open("/dev/null", O_WRONLY);

	for (int i = 0; i < COUNT; i++)
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &one, .msg_iovlen = 1};
	for (int i = 0; i < PARTS; i++)
		parts[i] = (struct iovec){"yz", 2};
	bind(to, (struct sockaddr *)&address, length);
	getsockname(to, (struct sockaddr *)&address, &length);
	connect(from, (struct sockaddr *)&address, length);
	if (sendmmsg(from, messages, COUNT, 0) != COUNT || recvmmsg(to, messages, COUNT, 0, NULL) != COUNT)
		return 1;
	writev(null, parts, PARTS);
	return 0;
}
