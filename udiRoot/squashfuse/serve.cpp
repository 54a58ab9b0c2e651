#define FUSE_USE_VERSION 32

#include "squashfuse/serve.hpp"

#include "base/error.hpp"

#include <cstdlib>
#include <memory>
#include <string>

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

struct fuse_lowlevel_ops operations() {
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
    return ops;
}

std::string path_of(int fd) { return "/dev/fd/" + std::to_string(fd); }

} // namespace

int serve(int connection, int image) {
    const std::unique_ptr<sqfs_ll, Destroys> file{::sqfs_ll_open(path_of(image).c_str(), 0)};
    if (!file) return static_cast<int>(ExitStatus::failed); // the library has said why
    std::string program = "shifter-squashfuse";
    char * argv[] = {program.data(), nullptr};
    struct fuse_args args = FUSE_ARGS_INIT(1, argv);
    const struct fuse_lowlevel_ops ops = operations();
    const std::unique_ptr<struct fuse_session, Destroys> session{
        ::fuse_session_new(&args, &ops, sizeof ops, file.get())};
    // libfuse takes a path of this form as a connection that is mounted already (mount.fuse3(8)).
    if (!session || ::fuse_session_mount(session.get(), path_of(connection).c_str()) != 0)
        return static_cast<int>(ExitStatus::failed);
    return ::fuse_session_loop(session.get()) == 0 ? 0 : static_cast<int>(ExitStatus::failed);
}

} // namespace shifter::squashfuse
