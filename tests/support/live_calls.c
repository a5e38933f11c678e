/* A known script of system calls, for captures of the running system. Argument: an empty folder to work in. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void files(void)
{
	struct iovec parts[3] = {{"one ", 4}, {"two ", 4}, {"three", 5}};
	char buffer[4096], big[3000];
	struct iovec in[2] = {{buffer, 3}, {buffer + 100, 50}};
	struct open_how how = {.flags = O_CREAT | O_RDWR | O_CLOEXEC, .mode = 0640, .resolve = RESOLVE_BENEATH};
	struct stat status;
	int fd, other, folder;

	memset(big, 'b', sizeof(big));
	mkdir("folder", 0751);
	folder = open("folder", O_RDONLY | O_DIRECTORY);
	fd = openat(folder, "first", O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0640);
	write(fd, "hello world", 11);
	write(fd, big, sizeof(big));
	write(-1, "refused", 7);
	writev(fd, parts, 3);
	pwritev(fd, parts, 2, 5000);
	pwrite(fd, "at", 2, 77);
	lseek(fd, 0, SEEK_SET);
	read(fd, buffer, 11);
	readv(fd, in, 2);
	preadv(fd, in, 2, 4);
	pread(fd, buffer, 4000, 1);
	fstat(fd, &status);
	ftruncate(fd, 100);
	fsync(fd);
	fchmod(fd, 0600);
	fchown(fd, getuid(), getgid());
	flock(fd, LOCK_EX | LOCK_NB);
	fcntl(fd, F_GETFL);
	fcntl(fd, F_DUPFD_CLOEXEC, 50);
	other = dup(fd);
	dup2(fd, 60);
	dup3(fd, 61, O_CLOEXEC);
	close(60);
	close(61);
	close(other);
	close(50);
	close(999);
	syscall(SYS_openat2, folder, "second", &how, sizeof(how));
	open("missing", O_RDWR | O_APPEND);
	rename("folder/second", "folder/third");
	renameat(folder, "third", AT_FDCWD, "fourth");
	syscall(SYS_renameat2, folder, "first", folder, "fifth", 1);
	link("fourth", "sixth");
	linkat(AT_FDCWD, "fourth", folder, "seventh", 0);
	symlink("fourth", "pointer");
	symlinkat("fourth", folder, "pointer");
	access("fourth", R_OK | W_OK);
	stat("pointer", &status);
	lstat("pointer", &status);
	fstatat(folder, "pointer", &status, AT_SYMLINK_NOFOLLOW);
	chmod("fourth", 0444);
	fchmodat(folder, "seventh", 04755, 0);
	chown("fourth", -1, -1);
	lchown("pointer", -1, -1);
	fchownat(folder, "seventh", -1, -1, 0);
	mkdirat(folder, "inner", 0700);
	mknod("pipe", S_IFIFO | 0600, 0);
	mknodat(folder, "pipe", S_IFIFO | 0600, 0);
	unlink("sixth");
	unlinkat(folder, "inner", AT_REMOVEDIR);
	syscall(SYS_getdents64, folder, buffer, sizeof(buffer));
	getcwd(buffer, sizeof(buffer));
	chdir("folder");
	fchdir(folder);
	chdir("..");
	rmdir("missing");
	other = open("/dev/null", O_WRONLY);
	lseek(fd, 0, SEEK_SET);
	sendfile(other, fd, NULL, 10);
	ioctl(other, FIONREAD, &status);
	umount2("missing", MNT_DETACH);
	mount("nothing", "missing", "tmpfs", MS_RDONLY | MS_NOEXEC, NULL);
	close(other);
	close(fd);
	close(folder);
}

static void descriptors(void)
{
	int ends[2], fd, poller, third;
	struct epoll_event event = {.events = EPOLLIN};
	struct pollfd watched[2];
	struct itimerspec timer = {{0, 0}, {0, 1000}};
	struct timespec little = {0, 1500000};
	struct timeval less = {0, 1000};
	fd_set set;
	sigset_t mask;
	char buffer[256];

	pipe(ends);
	write(ends[1], "through", 7);
	watched[0] = (struct pollfd){ends[0], POLLIN, 0};
	watched[1] = (struct pollfd){ends[1], POLLOUT | POLLERR, 0};
	poll(watched, 2, 1000);
	ppoll(watched, 2, &little, NULL);
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	select(ends[0] + 1, &set, NULL, NULL, &less);
	poller = epoll_create1(EPOLL_CLOEXEC);
	event.data.fd = ends[0];
	epoll_ctl(poller, EPOLL_CTL_ADD, ends[0], &event);
	epoll_wait(poller, &event, 7, 10);
	close(poller);
	read(ends[0], buffer, sizeof(buffer));
	close(ends[0]);
	close(ends[1]);
	pipe2(ends, O_NONBLOCK | O_CLOEXEC);
	third = open("/dev/null", O_WRONLY);
	write(ends[1], "spliced", 7);
	splice(ends[0], NULL, third, NULL, 7, SPLICE_F_MOVE);
	read(ends[0], buffer, sizeof(buffer));
	close(ends[0]);
	close(ends[1]);
	close(third);
	fd = eventfd(3, EFD_NONBLOCK);
	close(fd);
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	timerfd_settime(fd, 0, &timer, NULL);
	close(fd);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	fd = signalfd(-1, &mask, SFD_NONBLOCK);
	close(fd);
	fd = inotify_init1(IN_CLOEXEC);
	inotify_add_watch(fd, ".", IN_CREATE);
	close(fd);
	fd = memfd_create("in memory", MFD_CLOEXEC);
	close(fd);
	syscall(SYS_close_range, 900, 1000, 4);
	nanosleep(&little, NULL);
}

static void sockets(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in peer;
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "socket"};
	struct iovec parts[2] = {{"mess", 4}, {"age", 3}};
	char buffer[512], first[4], second[4];
	struct iovec in = {buffer, sizeof(buffer)};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	struct mmsghdr many[2];
	struct timeval wait = {1, 500000};
	struct timespec patience = {1, 0};
	socklen_t length = sizeof(address);
	int server, client, taken, one = 1, ends[2];

	server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	bind(server, (struct sockaddr *)&address, sizeof(address));
	getsockname(server, (struct sockaddr *)&address, &length);
	listen(server, 5);
	client = socket(AF_INET, SOCK_STREAM, 0);
	connect(client, (struct sockaddr *)&address, sizeof(address));
	taken = accept4(server, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
	getpeername(taken, (struct sockaddr *)&peer, &length);
	send(client, "request", 7, 0);
	recv(taken, buffer, sizeof(buffer), 0);
	write(taken, "answer", 6);
	read(client, buffer, sizeof(buffer));
	sendmsg(client, &message, 0);
	message.msg_iov = &in;
	message.msg_iovlen = 1;
	recvmsg(taken, &message, 0);
	length = sizeof(one);
	getsockopt(client, SOL_SOCKET, SO_ERROR, &one, &length);
	shutdown(client, SHUT_WR);
	close(client);
	close(taken);
	close(server);

	server = socket(AF_INET, SOCK_DGRAM, 0);
	address.sin_port = 0;
	bind(server, (struct sockaddr *)&address, sizeof(address));
	length = sizeof(address);
	getsockname(server, (struct sockaddr *)&address, &length);
	client = socket(AF_INET, SOCK_DGRAM, 0);
	sendto(client, "datagram", 8, 0, (struct sockaddr *)&address, sizeof(address));
	length = sizeof(peer);
	recvfrom(server, buffer, sizeof(buffer), 0, (struct sockaddr *)&peer, &length);
	connect(client, (struct sockaddr *)&address, sizeof(address));
	memset(many, 0, sizeof(many));
	many[0].msg_hdr.msg_iov = &parts[0];
	many[0].msg_hdr.msg_iovlen = 1;
	many[1].msg_hdr.msg_iov = &parts[1];
	many[1].msg_hdr.msg_iovlen = 1;
	sendmmsg(client, many, 2, 0);
	memset(many, 0, sizeof(many));
	many[0].msg_hdr.msg_iov = &(struct iovec){first, sizeof(first)};
	many[0].msg_hdr.msg_iovlen = 1;
	many[1].msg_hdr.msg_iov = &(struct iovec){second, sizeof(second)};
	many[1].msg_hdr.msg_iovlen = 1;
	recvmmsg(server, many, 2, 0, &patience);
	close(client);
	close(server);

	client = socket(AF_INET6, SOCK_DGRAM, 0);
	connect(client, (struct sockaddr *)&six, sizeof(six));
	close(client);

	server = socket(AF_UNIX, SOCK_STREAM, 0);
	bind(server, (struct sockaddr *)&local, sizeof(local));
	listen(server, 1);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	connect(client, (struct sockaddr *)&local, sizeof(local));
	taken = accept(server, NULL, NULL);
	write(client, "search localdomain", 18);
	read(taken, buffer, sizeof(buffer));
	close(client);
	close(taken);
	close(server);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
	close(ends[0]);
	close(ends[1]);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(local.sun_path, "/nowhere/socket");
	connect(client, (struct sockaddr *)&local, sizeof(local));
	close(client);
}

static void *thread(void *unused)
{
	char name[16] = "worker";

	prctl(PR_SET_NAME, name);
	syscall(SYS_gettid);
	access("/from/a/thread", F_OK);
	return unused;
}

static void handler(int signal)
{
	(void)signal;
}

static void processes(void)
{
	struct rlimit limit;
	pthread_t other;
	char *memory;
	pid_t child;
	int status;

	getrlimit(RLIMIT_NOFILE, &limit);
	syscall(SYS_getrlimit, RLIMIT_STACK, &limit);
	syscall(SYS_setuid, getuid());
	syscall(SYS_setgid, getgid());
	syscall(SYS_setresuid, -1, -1, -1);
	syscall(SYS_setreuid, -1, -1);
	geteuid();
	getegid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	ptrace(PTRACE_PEEKDATA, 1, &status, NULL);
	memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(memory, 4096, PROT_READ | PROT_EXEC);
	munmap(memory, 8192);
	syscall(SYS_bpf, 5, NULL, 0);
	syscall(SYS_io_uring_setup, 0, NULL);
	syscall(SYS_futex, &status, 1 | 128, 3, NULL, NULL, 0);
	setpgid(0, 0);
	unshare(CLONE_FS);
	pthread_create(&other, NULL, thread, NULL);
	pthread_join(other, NULL);
	signal(SIGUSR1, handler);
	kill(getpid(), SIGUSR1);
	syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
	child = fork();
	if (!child) {
		char *arguments[] = {"sh", "-c", "exit 3", NULL};
		char *environment[] = {"FIRST=1", "SECOND=two", NULL};

		execve("/nowhere/sh", arguments, environment);
		execve("/bin/sh", arguments, environment);
		_exit(9);
	}
	waitpid(child, &status, 0);
	child = vfork();
	if (!child)
		_exit(4);
	waitpid(child, &status, 0);
	child = fork();
	if (!child) {
		kill(getpid(), SIGTERM);
		pause();
	}
	wait4(child, &status, 0, NULL);
}

int main(int count, char **arguments)
{
	if (count != 2 || chdir(arguments[1]))
		return 1;
	files();
	descriptors();
	sockets();
	processes();
	return 0;
}
