#include "oci/keyed_hash.hpp"

#include "base/error.hpp"

#include <cstring>
#include <openssl/evp.h>
#include <openssl/rand.h>

namespace shifter::oci {
namespace {

void require(bool done, const char * what) {
    if (!done) throw Error{std::string{"cannot compute a fingerprint: OpenSSL refuses to "} + what};
}

struct FreeMac {
    void operator()(EVP_MAC * mac) const noexcept { ::EVP_MAC_free(mac); }
    void operator()(EVP_MAC_CTX * context) const noexcept { ::EVP_MAC_CTX_free(context); }
};

} // namespace

struct KeyedHasher::State {
    Key key;
    std::unique_ptr<EVP_MAC, FreeMac> mac{::EVP_MAC_fetch(nullptr, "POLY1305", nullptr)};
    std::unique_ptr<EVP_MAC_CTX, FreeMac> context{mac ? ::EVP_MAC_CTX_new(mac.get()) : nullptr};
};

KeyedHasher::Key KeyedHasher::random_key() {
    Key key{};
    require(::RAND_priv_bytes(reinterpret_cast<unsigned char *>(key.data()), static_cast<int>(key.size())) == 1,
            "make a key");
    return key;
}

KeyedHasher::KeyedHasher(const Key & key) : state_{std::make_unique<State>()} {
    state_->key = key;
    require(state_->context != nullptr, "make a context");
    begin();
}

KeyedHasher::KeyedHasher(KeyedHasher &&) noexcept = default;
KeyedHasher & KeyedHasher::operator=(KeyedHasher &&) noexcept = default;
KeyedHasher::~KeyedHasher() = default;

void KeyedHasher::begin() {
    const auto * const key = reinterpret_cast<const unsigned char *>(state_->key.data());
    require(::EVP_MAC_init(state_->context.get(), key, state_->key.size(), nullptr) == 1, "begin");
}

void KeyedHasher::update(std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    const auto * const data = reinterpret_cast<const unsigned char *>(bytes.data());
    require(::EVP_MAC_update(state_->context.get(), data, bytes.size()) == 1, "go on");
}

Fingerprint KeyedHasher::finish() {
    std::array<unsigned char, sizeof(Fingerprint)> tag{};
    std::size_t size = 0;
    require(::EVP_MAC_final(state_->context.get(), tag.data(), &size, tag.size()) == 1 && size == tag.size(), "end");
    Fingerprint result{};
    std::memcpy(result.data(), tag.data(), tag.size());
    begin();
    return result;
}

Fingerprint KeyedHasher::of(std::span<const std::byte> bytes) {
    update(bytes);
    return finish();
}

} // namespace shifter::oci
