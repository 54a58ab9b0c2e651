#include "oci/sha256.hpp"

#include <openssl/evp.h>

#include <array>
#include <string>

namespace shifter::oci {
namespace {

struct FreeContext {
    void operator()(EVP_MD_CTX * context) const noexcept { ::EVP_MD_CTX_free(context); }
};

void require(int status, const char * what) {
    // Only a lack of memory, or an OpenSSL that was built without SHA-2, gets here.
    if (status != 1) throw Error{std::string{"cannot compute a digest: OpenSSL refuses to "} + what};
}

} // namespace

struct Hasher::State {
    Digest::Algorithm algorithm;
    std::unique_ptr<EVP_MD_CTX, FreeContext> context{::EVP_MD_CTX_new()};
};

Hasher::Hasher(Digest::Algorithm algorithm) : state_{std::make_unique<State>()} {
    state_->algorithm = algorithm;
    require(state_->context ? 1 : 0, "make a context");
    const EVP_MD * const method = algorithm == Digest::Algorithm::sha512 ? ::EVP_sha512() : ::EVP_sha256();
    require(::EVP_DigestInit_ex(state_->context.get(), method, nullptr), "begin");
}

Hasher::Hasher(Hasher &&) noexcept = default;
Hasher & Hasher::operator=(Hasher &&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::span<const std::byte> bytes) {
    require(::EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()), "go on");
}

Digest Hasher::finish() {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<unsigned char, EVP_MAX_MD_SIZE> value{};
    unsigned size = 0;
    require(::EVP_DigestFinal_ex(state_->context.get(), value.data(), &size), "end");
    std::string text = state_->algorithm == Digest::Algorithm::sha512 ? "sha512:" : "sha256:";
    for (unsigned i = 0; i < size; ++i) {
        text += digits[value.at(i) >> 4U];
        text += digits[value.at(i) & 0xfU];
    }
    return Digest::parse(text).value_or_throw("cannot compute a digest");
}

Digest digest_of(std::string_view bytes, Digest::Algorithm algorithm) {
    Hasher hasher{algorithm};
    hasher.update(std::as_bytes(std::span{bytes.data(), bytes.size()}));
    return hasher.finish();
}

} // namespace shifter::oci
