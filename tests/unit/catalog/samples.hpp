/** @file Images, pulls and folders for the tests of the catalog. */
#pragma once

#include "catalog/catalog.hpp"

#include <filesystem>
#include <stdlib.h>
#include <string>

namespace shifter::catalog::samples {

/** A folder that goes with the object. */
class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "shifter-test-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder &) = delete;
    Folder & operator=(const Folder &) = delete;
    [[nodiscard]] std::string path() const { return path_; }
    [[nodiscard]] std::string operator/(const std::string & name) const { return path_ + "/" + name; }
    [[nodiscard]] std::size_t count() const {
        return static_cast<std::size_t>(
            std::distance(std::filesystem::directory_iterator{path_}, std::filesystem::directory_iterator{}));
    }

private:
    std::string path_;
};

/** The catalog of the back end that this test program is about; a folder is one database. */
[[nodiscard]] std::unique_ptr<Catalog> open_in(const Folder & folder);

inline const Time noon{std::chrono::hours{24 * 365 * 50}};
inline const ImageKey key{"alpha", ImageType::docker, "org/app:1"};

inline ImageId id_of(char digit) { return *ImageId::parse(std::string(64, digit)); }
inline Identity person(uid_t uid) { return {uid, 100, {100}}; }

inline PullRequest request_by(uid_t uid, std::string mark = "", ImageKey wanted = key) {
    PullRequest request;
    request.key = std::move(wanted);
    request.requester = uid;
    request.requester_name = "user" + std::to_string(uid);
    request.identity = person(uid);
    request.has_credentials = !mark.empty();
    request.credentials_mark = std::move(mark);
    return request;
}

inline Image image(char digit, bool is_private = false, std::vector<Grant> grants = {}) {
    Image image{"alpha", ImageType::docker, id_of(digit)};
    image.manifest_digest = "sha256:" + std::string(64, digit);
    image.reference = "docker.io/org/app:1";
    image.platform = "linux/amd64";
    image.size_bytes = 4096;
    image.is_private = is_private;
    image.grants = std::move(grants);
    image.config.env = {"PATH=/bin", "GREETING=gr\xc3\xbc\xc3\x9f"};
    image.config.entrypoint = std::vector<std::string>{};
    image.config.cmd = std::vector<std::string>{"sh", "-c"};
    image.config.platform = {"linux", "amd64", ""};
    const Digest digest = *Digest::parse("sha256:" + std::string(64, 'e'));
    image.layers = {{digest, digest, 17}};
    image.config.diff_ids = {digest};
    image.puller = 1001;
    image.last_pull = noon;
    return image;
}

/** Takes the queue's next pull to READY as `image`. */
inline Pull finish_next(Catalog & catalog, const Image & image, Time now) {
    const Pull pull = *catalog.claim("here", now);
    catalog.set_access(pull.hold(), image.is_private ? Access::restricted : Access::open, now);
    for (const State state : {State::pulling, State::transfer}) catalog.advance(pull.hold(), state, "step", {}, now);
    catalog.publish({pull.hold(), image, ""}, now);
    return pull;
}

inline const Pull & pull_in(const Enqueued & answer) { return std::get<Pull>(answer.what); }
inline bool is_image(const Enqueued & answer) { return std::holds_alternative<Image>(answer.what); }

} // namespace shifter::catalog::samples
