// Public keys and signatures, by OpenSSL.
#include "registry/signature_policy.hpp"

#include <array>
#include <memory>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>

namespace shifter::registry {
namespace {

constexpr std::size_t max_key_bytes = 16U << 10U;
constexpr std::size_t max_signature_bytes = 4096; // in base64; RSA of 16384 bits has 2732
constexpr int least_rsa_bits = 2048;

struct Frees {
    void operator()(EVP_PKEY * key) const noexcept { ::EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX * context) const noexcept { ::EVP_MD_CTX_free(context); }
    void operator()(BIO * bio) const noexcept { ::BIO_free(bio); }
};
using Key = std::unique_ptr<EVP_PKEY, Frees>;

Key read_key(const std::string & pem) {
    if (pem.size() > max_key_bytes) return nullptr;
    const std::unique_ptr<BIO, Frees> text{::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
    // A key with a password is no public key: nobody is asked for one.
    const auto no_password = [](char *, int, int, void *) { return 0; };
    return Key{text ? ::PEM_read_bio_PUBKEY(text.get(), nullptr, no_password, nullptr) : nullptr};
}

bool is_p256(const EVP_PKEY * key) {
    std::array<char, 80> name{};
    return ::EVP_PKEY_get_group_name(key, name.data(), name.size(), nullptr) == 1 &&
           std::string_view{name.data()} == SN_X9_62_prime256v1;
}

} // namespace

std::optional<std::string> base64_decoded(std::string_view text) {
    std::string packed;
    for (const char c : text)
        if (c != '\n' && c != '\r') packed += c;
    if (packed.empty() || packed.size() % 4 != 0) return std::nullopt;
    std::string bytes(packed.size() / 4 * 3, '\0');
    const int count =
        ::EVP_DecodeBlock(reinterpret_cast<unsigned char *>(bytes.data()),
                          reinterpret_cast<const unsigned char *>(packed.data()), static_cast<int>(packed.size()));
    if (count < 0) return std::nullopt;
    // OpenSSL counts the bytes that "=" stands for.
    const std::size_t filled = packed.size() - 1 - packed.find_last_not_of('=');
    if (filled > 2) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(count) - filled);
    return bytes;
}

std::optional<std::string> refuse_key(const std::string & pem) {
    const Key key = read_key(pem);
    if (!key) return "it is no public key in PEM (\"-----BEGIN PUBLIC KEY-----\")";
    switch (::EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_ED25519:
        return std::nullopt;
    case EVP_PKEY_RSA:
        if (::EVP_PKEY_get_bits(key.get()) < least_rsa_bits) return "it is an RSA key of less than 2048 bits";
        return std::nullopt;
    case EVP_PKEY_EC:
        if (!is_p256(key.get())) return "of elliptic curves only P-256 is taken";
        return std::nullopt;
    default:
        return "it is neither ECDSA P-256, RSA nor Ed25519";
    }
}

bool verify_signature(const std::string & pem, std::string_view payload, std::string_view signature) {
    if (signature.size() > max_signature_bytes || refuse_key(pem)) return false;
    const auto bytes = base64_decoded(signature);
    const Key key = read_key(pem);
    const std::unique_ptr<EVP_MD_CTX, Frees> context{::EVP_MD_CTX_new()};
    if (!bytes || !key || !context) return false;
    const EVP_MD * const digest = ::EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_ED25519 ? nullptr : ::EVP_sha256();
    if (::EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.get()) != 1) return false;
    return ::EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char *>(bytes->data()), bytes->size(),
                              reinterpret_cast<const unsigned char *>(payload.data()), payload.size()) == 1;
}

} // namespace shifter::registry
