/* The least that a wrapper can do: start the command and wait for it, at most COUNT times, until it
   succeeds. No delay, no signals, no options. Usage: floor COUNT COMMAND [ARGUMENT...] */
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv) {
    if (argc < 3) return 125;
    int status = 0;
    for (long left = atol(argv[1]); left > 0; left--) {
        pid_t pid;
        if (posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ) != 0) return 127;
        if (waitpid(pid, &status, 0) != pid) return 125;
        if (status == 0) return 0;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
