/* Prints the most memory that a command used, in KiB. Small itself, since a process starts with the peak of the
   one that made it. Without a command it
   succeeds, and uses next to nothing. Usage: peak [COMMAND [ARGUMENT...]] */
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv) {
    pid_t pid;
    int status;
    struct rusage usage;
    if (argc < 2) return 0;
    if (posix_spawnp(&pid, argv[1], NULL, NULL, argv + 1, environ) != 0) return 127;
    if (wait4(pid, &status, 0, &usage) != pid || status != 0) return 125;
    return printf("%ld\n", usage.ru_maxrss) < 0;
}
