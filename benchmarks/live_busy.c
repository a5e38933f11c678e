/* A program that does nothing but system calls: rounds of open, read, write, stat and close. Argument: how many rounds. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CALLS 10

int main(int count, char **arguments)
{
	long rounds = count > 1 ? atol(arguments[1]) : 10000;
	struct timespec start, end;
	struct stat status;
	char buffer[512];
	int null = open("/dev/null", O_WRONLY);

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (long i = 0; i < rounds; i++) {
		int fd = open("/dev/zero", O_RDONLY);

		fstat(fd, &status);
		for (int j = 0; j < 3; j++) {
			if (read(fd, buffer, sizeof(buffer)) < 0 || write(null, buffer, sizeof(buffer)) < 0)
				return 1;
		}
		lseek(fd, 0, SEEK_SET);
		close(fd);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%ld %.9f\n", rounds * CALLS, end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9);
	return 0;
}
