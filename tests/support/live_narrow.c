/* A script of calls by a program of 32 bits, without any library: gcc -m32 -nostdlib -static. x86 only.
 * Argument: an empty folder to work in. */
#include <asm/unistd_32.h>

typedef unsigned int word;

static word call(word number, word a, word b, word c, word d, word e, word f)
{
	word result;

	/* The sixth argument is in the register that holds the frame. */
	__asm__ volatile("push %%ebp\n\tmov %[f], %%ebp\n\tint $0x80\n\tpop %%ebp"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), [f] "m"(f)
			 : "memory");
	return result;
}

#define CALL0(n) call(__NR_##n, 0, 0, 0, 0, 0, 0)
#define CALL1(n, a) call(__NR_##n, (word)(a), 0, 0, 0, 0, 0)
#define CALL2(n, a, b) call(__NR_##n, (word)(a), (word)(b), 0, 0, 0, 0)
#define CALL3(n, a, b, c) call(__NR_##n, (word)(a), (word)(b), (word)(c), 0, 0, 0)
#define CALL4(n, a, b, c, d) call(__NR_##n, (word)(a), (word)(b), (word)(c), (word)(d), 0, 0)
#define CALL5(n, a, b, c, d, e) call(__NR_##n, (word)(a), (word)(b), (word)(c), (word)(d), (word)(e), 0)
#define CALL6(n, a, b, c, d, e, f) call(__NR_##n, (word)(a), (word)(b), (word)(c), (word)(d), (word)(e), (word)(f))

struct part {
	word base, length;
};

static char buffer[4096];
static char *arguments[] = {"sh", "-c", "exit 3", 0};
static char *environment[] = {"FIRST=1", 0};

static void files(void)
{
	static struct part parts[2] = {{0, 4}, {0, 5}};
	static word status[64], limit[2], pause[2] = {0, 1500000};
	static long long offset = 1, result;
	static word mapped[6] = {0, 8192, 3, 0x22, -1, 0};
	word file, folder;

	parts[0].base = (word) "one ";
	parts[1].base = (word) "two..";
	CALL2(mkdir, "folder", 0751);
	folder = CALL3(open, "folder", 0200000, 0);
	file = CALL4(openat, folder, "first", 02102, 0640);
	CALL3(write, file, "hello world", 11);
	CALL3(writev, file, parts, 2);
	CALL5(pwrite64, file, "far", 3, 5, 1);
	CALL5(pread64, file, buffer, 5, 0, 0);
	CALL5(pwritev, file, parts, 2, 7, 0);
	parts[0].base = parts[1].base = (word)buffer;
	CALL5(preadv, file, parts, 2, 4, 0);
	CALL3(lseek, file, 0, 0);
	CALL5(_llseek, file, 1, 2, &result, 0);
	CALL2(stat64, "folder", status);
	CALL2(fcntl64, file, 3);
	CALL3(chown32, "folder", -1, -1);
	CALL4(sendfile64, file, folder, &offset, 3);
	CALL6(mmap2, 0, 8192, 3, 0x22, -1, 0);
	CALL1(mmap, mapped);
	CALL2(ugetrlimit, 7, limit);
	CALL2(nanosleep, pause, 0);
	CALL1(close, 999);
	CALL1(close, file);
	CALL1(close, folder);
}

static void handler(int signal)
{
	(void)signal;
}

static void signals(void)
{
	/* Handler, flags with SA_SIGINFO, nothing to return with but what the kernel offers, and no mask. */
	static word action[5] = {0, 4};

	action[0] = (word)handler;
	CALL4(rt_sigaction, 10, action, 0, 8);
	CALL2(kill, CALL0(getpid), 10);
}

static void sockets(void)
{
	static unsigned char address[16] = {2, 0, 0, 0, 127, 0, 0, 1};
	static struct part part = {0, 7}, into = {(word)buffer, sizeof(buffer)};
	static word length = 16, message[7], many[2][8], words[6], wait[2] = {1, 500000};
	word server, client;

	server = CALL3(socket, 2, 2, 0);
	CALL3(bind, server, address, 16);
	CALL3(getsockname, server, address, &length);
	CALL5(setsockopt, server, 1, 20, wait, 8);
	/* The same as one call for all. */
	words[0] = 2, words[1] = 2, words[2] = 0;
	client = CALL2(socketcall, 1, words);
	words[0] = client, words[1] = (word)address, words[2] = 16;
	CALL2(socketcall, 3, words);
	words[0] = client, words[1] = (word) "request", words[2] = 7, words[3] = 0;
	CALL2(socketcall, 9, words);
	CALL6(recvfrom, server, buffer, 100, 0, 0, 0);
	part.base = (word) "message";
	message[2] = (word)&part, message[3] = 1;
	CALL3(sendmsg, client, message, 0);
	message[2] = (word)&into;
	CALL3(recvmsg, server, message, 0);
	for (int i = 0; i < 2; i++)
		many[i][2] = (word)&part, many[i][3] = 1;
	CALL4(sendmmsg, client, many, 2, 0);
	for (int i = 0; i < 2; i++)
		many[i][2] = (word)&into;
	CALL5(recvmmsg, server, many, 2, 0, 0);
	CALL1(close, client);
	CALL1(close, server);
}

void __attribute__((force_align_arg_pointer)) _start(void)
{
	/* What the kernel put on the stack: count, name, first argument. */
	word *stack = (word *)((word *)__builtin_frame_address(0) + 1);

	if (stack[0] != 2 || CALL1(chdir, stack[2]))
		CALL1(exit, 1);
	files();
	signals();
	sockets();
	CALL3(execve, "/nowhere/sh", arguments, environment);
	if (CALL0(fork) == 0) {
		CALL3(execve, "/bin/sh", arguments, environment);
		CALL1(exit, 9);
	}
	CALL4(wait4, -1, 0, 0, 0);
	CALL1(exit, 0);
}
