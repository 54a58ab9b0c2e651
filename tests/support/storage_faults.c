/* A file system boundary that fails on demand, for tests: preloaded into the gateway (LD_PRELOAD), it counts the calls that change
 * files below one folder, and makes the nth of them fail, write less than it was given, or be the last of the process.
 *
 * What to do stands in a file that the test maps, too: SHIFTER_STORAGE_FAULTS names it; tests/support/storage_faults.py has the
 * same structure. So one gateway goes through a whole table of faults. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { fail_once, fail_from_then_on, write_less, die };

struct control {
    int64_t armed, nth, mode, error, count, fired;
    char call[32]; /* the first that was hit */
    char below[256];
};

static struct control * control;

__attribute__((constructor)) static void attach(void) {
    const char * const path = getenv("SHIFTER_STORAGE_FAULTS");
    const int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void * const place = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (place != MAP_FAILED) control = place;
    close(fd);
}

static int is_below(int fd, const char * name) {
    char path[512] = "", link[64];
    if (name != NULL && name[0] == '/') return strncmp(name, control->below, strlen(control->below)) == 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    return length > 0 && strncmp(path, control->below, strlen(control->below)) == 0;
}

/* -1, with errno set, when the call must fail; 1 when it must write less; else 0. */
static int meet(const char * call, int fd, const char * name) {
    const int before = errno;
    if (control == NULL || !__atomic_load_n(&control->armed, __ATOMIC_SEQ_CST) || !is_below(fd, name)) {
        errno = before;
        return 0;
    }
    const int writes = strstr(call, "write") != NULL;
    const int64_t mode = control->mode;
    errno = before;
    if (mode == write_less && !writes) return 0;
    const int64_t count = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
    if (mode == fail_from_then_on ? count < control->nth : count != control->nth) return 0;
    if (__atomic_fetch_add(&control->fired, 1, __ATOMIC_SEQ_CST) == 0) strncpy(control->call, call, sizeof control->call - 1);
    if (mode == die) kill(getpid(), SIGKILL);
    if (mode == write_less) return 1;
    errno = (int)control->error;
    return -1;
}

static size_t bytes(int met, size_t size) { return met == 1 && size > 1 ? size / 2 : size; }

#define REAL(name) ((__typeof__(&name))real(#name))
static void * real(const char * name) { return dlsym(RTLD_NEXT, name); }

ssize_t write(int fd, const void * data, size_t size) {
    const int met = meet("write", fd, NULL);
    return met < 0 ? -1 : REAL(write)(fd, data, bytes(met, size));
}
ssize_t pwrite(int fd, const void * data, size_t size, off_t at) {
    const int met = meet("pwrite", fd, NULL);
    return met < 0 ? -1 : REAL(pwrite)(fd, data, bytes(met, size), at);
}
ssize_t pwrite64(int fd, const void * data, size_t size, off64_t at) {
    const int met = meet("pwrite", fd, NULL);
    return met < 0 ? -1 : REAL(pwrite64)(fd, data, bytes(met, size), at);
}
ssize_t copy_file_range(int from, off64_t * from_at, int to, off64_t * to_at, size_t size, unsigned flags) {
    const int met = meet("copy_file_range: write", to, NULL);
    return met < 0 ? -1 : REAL(copy_file_range)(from, from_at, to, to_at, bytes(met, size), flags);
}
int fsync(int fd) { return meet("fsync", fd, NULL) < 0 ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return meet("fdatasync", fd, NULL) < 0 ? -1 : REAL(fdatasync)(fd); }
int ftruncate(int fd, off_t size) { return meet("ftruncate", fd, NULL) < 0 ? -1 : REAL(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { return meet("ftruncate", fd, NULL) < 0 ? -1 : REAL(ftruncate64)(fd, size); }
int fchmod(int fd, mode_t mode) { return meet("fchmod", fd, NULL) < 0 ? -1 : REAL(fchmod)(fd, mode); }
int fchown(int fd, uid_t owner, gid_t group) {
    return meet("fchown", fd, NULL) < 0 ? -1 : REAL(fchown)(fd, owner, group);
}
int linkat(int from, const char * name, int to, const char * new_name, int flags) {
    return meet("linkat", to, new_name) < 0 ? -1 : REAL(linkat)(from, name, to, new_name, flags);
}
int rename(const char * name, const char * new_name) {
    return meet("rename", -1, new_name) < 0 ? -1 : REAL(rename)(name, new_name);
}
int renameat(int from, const char * name, int to, const char * new_name) {
    return meet("renameat", to, new_name) < 0 ? -1 : REAL(renameat)(from, name, to, new_name);
}
int unlink(const char * name) { return meet("unlink", -1, name) < 0 ? -1 : REAL(unlink)(name); }
int unlinkat(int folder, const char * name, int flags) {
    return meet("unlinkat", folder, name) < 0 ? -1 : REAL(unlinkat)(folder, name, flags);
}

/* Opening counts when it may make a file: what only reads is not storage that fills up. */
static mode_t mode_of(int flags, va_list rest) {
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}
#define OPEN(name)                                                                                                     \
    int name(const char * path, int flags, ...) {                                                                      \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        const mode_t mode = mode_of(flags, rest);                                                                      \
        va_end(rest);                                                                                                  \
        if ((flags & O_ACCMODE) != O_RDONLY && meet("open", -1, path) < 0) return -1;                                  \
        return REAL(name)(path, flags, mode);                                                                          \
    }
OPEN(open)
OPEN(open64)
#define OPENAT(name)                                                                                                   \
    int name(int folder, const char * path, int flags, ...) {                                                          \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        const mode_t mode = mode_of(flags, rest);                                                                      \
        va_end(rest);                                                                                                  \
        if ((flags & O_ACCMODE) != O_RDONLY && meet("openat", folder, path) < 0) return -1;                            \
        return REAL(name)(folder, path, flags, mode);                                                                  \
    }
OPENAT(openat)
OPENAT(openat64)
