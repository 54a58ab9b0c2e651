/**
 * @file
 * A site of one system: a registry with images of a few files, storage, a catalog and a pull queue, all in one folder
 * that goes with the object.
 */
#pragma once

#include "base/unique_fd.hpp"
#include "pull/pull_queue.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace shifter::pull::testing {

using Json = nlohmann::json;
using Files = std::map<std::string, std::string>; ///< path to content

struct ImageParts {
    std::vector<Files> layers = {{{"etc/os-release", "NAME=test\n"}}, {{"app/run", "#!/bin/sh\n"}}};
    std::vector<std::string> env = {"A=1"};
    std::string architecture = Platform::of_this_machine().architecture;
    std::map<std::string, std::string> labels = {};
    unsigned mode = 0644;                  ///< of all files
    std::vector<std::string> made_by = {}; ///< the history, one line for each layer
};

class PullSite {
public:
    PullSite();
    ~PullSite();
    PullSite(const PullSite &) = delete;
    PullSite & operator=(const PullSite &) = delete;

    /** Puts an image into the registry; returns the id that it will have. */
    ImageId push(const std::string & tag, const ImageParts & parts = {});
    /** Starts the registry. `spec`: see tests/support/fault_registry.py. */
    void start_registry(const Json & spec = Json::object());
    void start_queue();
    void stop_queue() { queue_.reset(); }

    /** "127.0.0.1:<port>/org/app:<tag>" */
    [[nodiscard]] std::string tag(const std::string & tag) const { return host_ + "/org/app:" + tag; }
    /** One request, as a client makes it. `login`: "user:password". */
    catalog::Enqueued ask(const std::string & tag, uid_t uid = 1001, const std::string & login = "",
                          const Acl & acl = {});
    /** Asks again and again, until it has ended. */
    std::variant<catalog::Pull, catalog::Image> pull(const std::string & tag, uid_t uid = 1001,
                                                     const std::string & login = "", const Acl & acl = {});
    catalog::Image pulled(const std::string & tag, uid_t uid = 1001, const std::string & login = "",
                          const Acl & acl = {});
    /** The sentence of a pull that fails. */
    std::string failure(const std::string & tag, uid_t uid = 1001, const std::string & login = "");

    /** How often the registry was asked for a path that contains `part`. */
    [[nodiscard]] std::size_t count_asked(const std::string & part) const;
    /** Names in the image directory. */
    [[nodiscard]] std::vector<std::string> published() const;
    [[nodiscard]] std::string storage() const { return (folder_ / "images").string(); }
    [[nodiscard]] std::string database() const { return (folder_ / "catalog").string(); }
    [[nodiscard]] catalog::ImageKey image_key(const std::string & of) const {
        return {"alpha", ImageType::docker, tag(of)};
    }

    GatewaySettings settings; ///< before start_queue()
    std::unique_ptr<catalog::Catalog> catalog;

private:
    Json write_blob(const std::string & text, const std::string & media_type);

    std::filesystem::path folder_;
    Json index_ = {{"schemaVersion", 2}, {"manifests", Json::array()}};
    std::string host_;
    pid_t registry_ = -1;
    UniqueFd registry_input_; ///< the registry ends when this does
    std::unique_ptr<PullQueue> queue_;
};

} // namespace shifter::pull::testing
