/* A disk that takes FLUSH_US microseconds longer to flush: loaded before the C
 * library into the programs that are measured (LD_PRELOAD). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

typedef int flush(int);

static int flush_late(const char *name, int file)
{
    const char *late = getenv("FLUSH_US");
    long left = late ? atol(late) : 0;
    struct timespec time = {left / 1000000, left % 1000000 * 1000};
    while (nanosleep(&time, &time) == -1 && errno == EINTR)
        ;
    return ((flush *)dlsym(RTLD_NEXT, name))(file);
}

int fsync(int file) { return flush_late("fsync", file); }

int fdatasync(int file) { return flush_late("fdatasync", file); }
