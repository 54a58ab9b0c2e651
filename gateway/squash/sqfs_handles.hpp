/**
 * @file
 * Ownership of libsquashfs' objects, and its errors in words. Only for the .cpp files of this layer.
 */
#pragma once

#include "base/error.hpp"

#include <memory>
#include <sqfs/error.h>
#include <sqfs/predef.h>
#include <string>

namespace shifter::squash {

struct SqfsDestroy {
    template <class T> void operator()(T * object) const noexcept { sqfs_destroy(object); }
};
template <class T> using SqfsPtr = std::unique_ptr<T, SqfsDestroy>;

struct SqfsFree {
    template <class T> void operator()(T * memory) const noexcept { sqfs_free(memory); }
};

[[nodiscard]] std::string describe_sqfs_error(int status);

/** @throws Error  when `status` is one of libsquashfs' errors */
inline void check_sqfs(int status, const char * what) {
    if (status < 0) throw Error{std::string{"cannot "} + what + ": " + describe_sqfs_error(status)};
}

template <class T> [[nodiscard]] SqfsPtr<T> owned(T * object) {
    if (object == nullptr) throw std::bad_alloc{};
    return SqfsPtr<T>{object};
}

} // namespace shifter::squash
