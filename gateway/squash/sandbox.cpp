#include "squash/sandbox.hpp"

#include "base/error.hpp"

#include <cstddef>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <vector>

namespace shifter::squash {
namespace {

// With a sanitizer the process needs more than the list allows; such builds are never installed (cmake/settings.cmake).
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool is_restricted = false;
#else
constexpr bool is_restricted = true;
#endif

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#else
#error "add the machine's number from linux/audit.h"
#endif

/** Reading, writing, memory, and the end; what libc needs for an exception and its own locks. */
constexpr std::uint32_t allowed[] = {SYS_read,    SYS_pread64,    SYS_write,      SYS_brk,          SYS_mmap,
                                     SYS_munmap,  SYS_mremap,     SYS_madvise,    SYS_futex,        SYS_getrandom,
                                     SYS_fstat,   SYS_newfstatat, SYS_exit_group, SYS_rt_sigreturn, SYS_exit,
                                     SYS_restart_syscall};

void limit(__rlimit_resource_t resource, std::uint64_t most) {
    const struct rlimit both { most, most };
    if (::setrlimit(resource, &both) != 0) throw SysError{errno, "cannot limit the reader of squashfs files"};
}

void allow_only_the_list() {
    std::vector<sock_filter> filter = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    };
    for (const std::uint32_t number : allowed) {
        filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
        filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        throw SysError{errno, "cannot restrict the reader of squashfs files"};
}

} // namespace

void enter_sandbox(std::uint64_t memory_bytes) {
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    if (is_restricted) limit(RLIMIT_NOFILE, 3); // a sanitizer asks a pipe whether an address is good
    if (is_restricted) limit(RLIMIT_AS, memory_bytes);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_DUMPABLE, 0) != 0)
        throw SysError{errno, "cannot restrict the reader of squashfs files"};
    if (is_restricted) allow_only_the_list();
}

} // namespace shifter::squash
