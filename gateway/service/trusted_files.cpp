#include "service/trusted_files.hpp"

#include "base/error.hpp"
#include "site/trusted_file.hpp"

#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::service::readers {
namespace {

constexpr std::size_t max_bytes = 1U << 20U;

TrustedFile open_trusted(const std::string & path, TrustedFile::Kind kind) {
    return TrustedFile::open(path, {.kind = kind, .also_owner = ::geteuid()});
}

Expected<std::string> read_trusted(const std::string & path) {
    try {
        return open_trusted(path, TrustedFile::Kind::regular).read(max_bytes);
    } catch (const Error & error) {
        return ParseError{0, error.what()};
    }
}

/** The path that `value` is; empty for none. */
Refusal read_path(const Value & value, std::string & path) {
    if (value.kind == Value::Kind::null) return std::nullopt;
    if (auto refusal = read_text(value, path)) return refusal;
    if (!path.empty() && path.front() != '/') return "must be an absolute path, not " + quoted(path);
    return std::nullopt;
}

} // namespace

Refusal read_program(const Value & value, std::string & path) {
    std::string named;
    if (auto refusal = read_path(value, named)) return refusal;
    if (named.empty()) return std::nullopt;
    try {
        (void)open_trusted(named, TrustedFile::Kind::executable);
    } catch (const Error & error) {
        return error.what();
    }
    if (::access(named.c_str(), X_OK) != 0)
        return "cannot use " + quoted(named) + ": this account may not run it; chmod a+rx " + named;
    path = std::move(named);
    return std::nullopt;
}

Refusal read_secret_file(const Value & value, std::string & path, std::string & text) {
    std::string named;
    if (auto refusal = read_path(value, named)) return refusal;
    if (named.empty()) return std::nullopt;
    try {
        const TrustedFile file = open_trusted(named, TrustedFile::Kind::regular);
        struct stat facts {};
        if (::fstat(file.fd(), &facts) != 0) throw SysError{errno, "cannot look at " + quoted(named)};
        if ((facts.st_mode & 0007U) != 0)
            return "cannot use " + quoted(named) + ": everybody may read it; chmod o= " + named;
        text = file.read(max_bytes);
    } catch (const Error & error) {
        return error.what();
    }
    path = std::move(named);
    return std::nullopt;
}

Refusal read_secret_path(const Value & value, std::string & path) {
    std::string text;
    auto refusal = read_secret_file(value, path, text);
    ::explicit_bzero(text.data(), text.size());
    return refusal;
}

Refusal read_policy_file(const Value & value, std::shared_ptr<const registry::SignaturePolicy> & policy) {
    std::string path;
    if (auto refusal = read_path(value, path)) return refusal;
    if (path.empty()) return std::nullopt;
    const auto text = read_trusted(path);
    if (!text) return text.error().what;
    auto parsed = registry::SignaturePolicy::parse(*text, read_trusted);
    if (!parsed) return "cannot use " + quoted(path) + ": " + parsed.error().what;
    policy = std::make_shared<const registry::SignaturePolicy>(*std::move(parsed));
    return std::nullopt;
}

} // namespace shifter::service::readers
