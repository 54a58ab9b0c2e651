#define FUSE_USE_VERSION 32

#include "squashfuse/serve.hpp"

#include "base/error.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" // flexible arrays of C
extern "C" {
#include <squashfuse/ll.h>
}
#pragma GCC diagnostic pop

namespace shifter::squashfuse {
namespace {

struct Destroys {
    void operator()(sqfs_ll * handle) const noexcept {
        ::sqfs_ll_destroy(handle);
        std::free(handle); // NOLINT(cppcoreguidelines-no-malloc): the library allocated it
    }
    void operator()(struct fuse_session * session) const noexcept { ::fuse_session_destroy(session); }
};

/** Kernels keep what they were told: nothing in an image changes. */
constexpr double for_ever = 1e9;

/** What stat(2) says of a file, which is this user's. The library has the same with the image's owners. */
struct stat status_of(const sqfs_ll & served, const sqfs_inode & inode, fuse_ino_t number) {
    struct stat status {};
    status.st_ino = number;
    status.st_mode = inode.base.mode;
    status.st_nlink = static_cast<nlink_t>(inode.nlink);
    status.st_uid = ::getuid();
    status.st_gid = ::getgid();
    status.st_mtim.tv_sec = status.st_ctim.tv_sec = status.st_atim.tv_sec = inode.base.mtime;
    status.st_blksize = static_cast<blksize_t>(served.fs.sb.block_size);
    if (S_ISREG(status.st_mode)) {
        status.st_size = static_cast<off_t>(inode.xtra.reg.file_size);
        status.st_blocks = status.st_size / 512;
    } else if (S_ISLNK(status.st_mode)) {
        status.st_size = static_cast<off_t>(inode.xtra.symlink_size);
    } else if (S_ISBLK(status.st_mode) || S_ISCHR(status.st_mode)) {
        status.st_rdev =
            makedev(static_cast<unsigned>(inode.xtra.dev.major), static_cast<unsigned>(inode.xtra.dev.minor));
    }
    return status;
}

void getattr_as_own(fuse_req_t request, fuse_ino_t number, struct fuse_file_info * /*file*/) {
    sqfs_ll_i found;
    if (::sqfs_ll_iget(request, &found, number) != SQFS_OK) return; // it has answered
    const struct stat status = status_of(*found.ll, found.inode, number);
    ::fuse_reply_attr(request, &status, for_ever);
}

void lookup_as_own(fuse_req_t request, fuse_ino_t parent, const char * name) {
    sqfs_ll_i directory;
    if (::sqfs_ll_iget(request, &directory, parent) != SQFS_OK) return; // it has answered
    const auto fail = [&](int why) { ::fuse_reply_err(request, why); };
    if (!S_ISDIR(directory.inode.base.mode)) return fail(ENOTDIR);
    sqfs_name buffer{};
    sqfs_dir_entry entry;
    ::sqfs_dentry_init(&entry, buffer);
    bool there = false;
    sqfs & image = directory.ll->fs;
    if (::sqfs_dir_lookup(&image, &directory.inode, name, std::strlen(name), &entry, &there) != SQFS_OK)
        return fail(EIO);
    struct fuse_entry_param answer {};
    answer.attr_timeout = answer.entry_timeout = for_ever;
    if (there) {
        sqfs_inode inode;
        if (::sqfs_inode_get(&image, &inode, ::sqfs_dentry_inode(&entry)) != SQFS_OK) return fail(EIO);
        answer.ino = directory.ll->ino_register(directory.ll, &entry);
        answer.attr = status_of(*directory.ll, inode, answer.ino);
    }
    ::fuse_reply_entry(request, &answer); // number 0 says, for ever, that there is no such name
}

struct fuse_lowlevel_ops operations(Owners owners) {
    struct fuse_lowlevel_ops ops {};
    ops.getattr = ::sqfs_ll_op_getattr;
    ops.opendir = ::sqfs_ll_op_opendir;
    ops.releasedir = ::sqfs_ll_op_releasedir;
    ops.readdir = ::sqfs_ll_op_readdir;
    ops.lookup = ::sqfs_ll_op_lookup;
    ops.open = ::sqfs_ll_op_open;
    ops.create = ::sqfs_ll_op_create;
    ops.release = ::sqfs_ll_op_release;
    ops.read = ::sqfs_ll_op_read;
    ops.readlink = ::sqfs_ll_op_readlink;
    ops.listxattr = ::sqfs_ll_op_listxattr;
    ops.getxattr = ::sqfs_ll_op_getxattr;
    ops.forget = ::sqfs_ll_op_forget;
    if (owners == Owners::self) {
        ops.getattr = getattr_as_own;
        ops.lookup = lookup_as_own;
    }
    return ops;
}

std::string path_of(int fd) { return "/dev/fd/" + std::to_string(fd); }

} // namespace

int serve(int connection, int image, Owners owners) {
    const std::unique_ptr<sqfs_ll, Destroys> file{::sqfs_ll_open(path_of(image).c_str(), 0)};
    if (!file) return static_cast<int>(ExitStatus::failed); // the library has said why
    std::string program = "shifter-squashfuse";
    char * argv[] = {program.data(), nullptr};
    struct fuse_args args = FUSE_ARGS_INIT(1, argv);
    const struct fuse_lowlevel_ops ops = operations(owners);
    const std::unique_ptr<struct fuse_session, Destroys> session{
        ::fuse_session_new(&args, &ops, sizeof ops, file.get())};
    // libfuse takes a path of this form as a connection that is mounted already (mount.fuse3(8)).
    if (!session || ::fuse_session_mount(session.get(), path_of(connection).c_str()) != 0)
        return static_cast<int>(ExitStatus::failed);
    return ::fuse_session_loop(session.get()) == 0 ? 0 : static_cast<int>(ExitStatus::failed);
}

} // namespace shifter::squashfuse
