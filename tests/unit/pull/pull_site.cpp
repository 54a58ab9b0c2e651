#include "pull_site.hpp"

#include "base/io.hpp"
#include "oci/sha256.hpp"
#include "pull/source.hpp"

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace shifter::pull::testing {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr auto longest_pull = 30s;

void write_file(const fs::path & path, const std::string & text) {
    std::ofstream out{path, std::ios::binary};
    out << text;
    if (!out.flush()) throw Error{"cannot write " + path.string()};
}

std::string octal(std::uint64_t value, std::size_t digits) {
    std::string text(digits, '0');
    for (std::size_t i = digits; i-- != 0; value /= 8) text[i] = static_cast<char>('0' + value % 8);
    return text + '\0';
}

/** ustar, regular files of root alone. */
std::string tar_of(const Files & files, unsigned mode) {
    std::string tar;
    for (const auto & [path, content] : files) {
        std::string header(512, '\0');
        header.replace(0, path.size(), path);
        header.replace(100, 8, octal(mode, 7));
        header.replace(108, 8, octal(0, 7));
        header.replace(116, 8, octal(0, 7));
        header.replace(124, 12, octal(content.size(), 11));
        header.replace(136, 12, octal(1'700'000'000, 11));
        header.replace(148, 8, "        ");
        header[156] = '0';
        header.replace(257, 8, std::string{"ustar\00000", 8});
        unsigned sum = 0;
        for (const char c : header) sum += static_cast<unsigned char>(c);
        header.replace(148, 7, octal(sum, 6));
        tar += header + content + std::string((512 - content.size() % 512) % 512, '\0');
    }
    return tar + std::string(1024, '\0');
}

} // namespace

PullSite::PullSite() {
    std::string name = (fs::temp_directory_path() / "shifter-pull-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    fs::create_directories(folder_ / "layout/blobs/sha256");
    fs::create_directory(folder_ / "images");
    catalog = catalog::open_sqlite_catalog(folder_ / "catalog");
    System alpha;
    alpha.name = "alpha";
    alpha.storage.directory = storage();
    settings.systems.emplace("alpha", alpha);
    settings.squash.threads = 1;
    settings.registry_limits.attempts = 2;
    settings.registry_limits.first_delay = 10ms;
    settings.registry_limits.max_delay = 1s;
    settings.cache_directory = (folder_ / "cache").string();
    fs::create_directory(settings.cache_directory);
}

PullSite::~PullSite() {
    queue_.reset();
    registry_input_.reset();
    if (registry_ > 0) (void)::waitpid(registry_, nullptr, 0);
    catalog.reset();
    fs::remove_all(folder_);
}

Json PullSite::write_blob(const std::string & text, const std::string & media_type) {
    const Digest digest = oci::digest_of(text);
    write_file(folder_ / "layout/blobs/sha256" / digest.hex(), text);
    return {{"mediaType", media_type}, {"digest", digest.to_string()}, {"size", text.size()}};
}

ImageId PullSite::push(const std::string & tag, const ImageParts & parts) {
    Json diff_ids = Json::array();
    Json layers = Json::array();
    for (const Files & files : parts.layers) {
        layers.push_back(write_blob(tar_of(files, parts.mode), "application/vnd.oci.image.layer.v1.tar"));
        diff_ids.push_back(layers.back()["digest"]);
    }
    Json history = Json::array();
    for (const std::string & line : parts.made_by) history.push_back({{"created_by", line}});
    const Json config = {{"os", "linux"},
                         {"history", history},
                         {"architecture", parts.architecture},
                         {"created", "2024-05-01T12:34:56Z"},
                         {"config", {{"Env", parts.env}, {"Cmd", {"sh"}}, {"Labels", parts.labels}}},
                         {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}};
    const std::string type = "application/vnd.oci.image.manifest.v1+json";
    const Json manifest = {{"schemaVersion", 2},
                           {"mediaType", type},
                           {"config", write_blob(config.dump(), "application/vnd.oci.image.config.v1+json")},
                           {"layers", layers}};
    Json entry = write_blob(manifest.dump(), type);
    entry["annotations"] = {{"org.opencontainers.image.ref.name", tag}};
    index_["manifests"].push_back(entry);
    write_file(folder_ / "layout/index.json", index_.dump());
    return *ImageId::parse(entry["digest"].get<std::string>().substr(7));
}

void PullSite::start_registry(const Json & spec) {
    write_file(folder_ / "spec.json", spec.dump());
    write_file(folder_ / "layout/index.json", index_.dump());
    io::Pipe input = io::make_pipe();
    io::Pipe output = io::make_pipe();
    std::vector<std::string> words{"python3",      "-IS", FAULT_REGISTRY, folder_ / "layout", folder_ / "spec.json",
                                   folder_ / "log"};
    std::vector<char *> arguments;
    for (std::string & word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input.read_end.get(), 0);
    ::posix_spawn_file_actions_adddup2(&actions, output.write_end.get(), 1);
    ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    const int error = ::posix_spawnp(&registry_, arguments[0], &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw SysError{error, "cannot start the registry"};
    registry_input_ = std::move(input.write_end);
    output.write_end.reset();
    std::string line;
    for (char c = 0; c != '\n'; line += c) {
        if (::read(output.read_end.get(), &c, 1) != 1) throw Error{"the registry did not start"};
    }
    host_ = "127.0.0.1:" + std::to_string(Json::parse(line)["main"].get<int>());
    settings.registries.allowed.push_back(host_);
    settings.registries.insecure.push_back(host_);
}

void PullSite::start_queue() { queue_ = std::make_unique<PullQueue>(settings, *catalog); }

catalog::Enqueued PullSite::ask(const std::string & tag, uid_t uid, const std::string & login, const Acl & acl) {
    auth::Caller caller;
    caller.identity = {uid, 100, {100}};
    caller.name = "user" + std::to_string(uid);
    if (!login.empty()) caller.locations.emplace(host_, login);
    const std::string name = tag.find('/') == std::string::npos ? this->tag(tag) : tag;
    return queue_->submit({"alpha", ImageType::docker, canonical_tag(ImageType::docker, name)}, caller, acl);
}

std::variant<catalog::Pull, catalog::Image> PullSite::pull(const std::string & tag, uid_t uid,
                                                           const std::string & login, const Acl & acl) {
    const auto end = std::chrono::steady_clock::now() + longest_pull;
    while (std::chrono::steady_clock::now() < end) {
        auto answer = ask(tag, uid, login, acl);
        const auto * under_way = std::get_if<catalog::Pull>(&answer.what);
        if (under_way == nullptr || under_way->ended) return std::move(answer.what);
        std::this_thread::sleep_for(20ms);
    }
    throw Error{"the pull of " + tag + " does not end"};
}

catalog::Image PullSite::pulled(const std::string & tag, uid_t uid, const std::string & login, const Acl & acl) {
    auto end = pull(tag, uid, login, acl);
    if (const auto * failed = std::get_if<catalog::Pull>(&end))
        throw Error{"the pull of " + tag + " failed: " + failed->message};
    return std::get<catalog::Image>(std::move(end));
}

std::string PullSite::failure(const std::string & tag, uid_t uid, const std::string & login) {
    const auto end = pull(tag, uid, login);
    const auto * failed = std::get_if<catalog::Pull>(&end);
    return failed == nullptr ? "" : failed->message;
}

std::size_t PullSite::count_asked(const std::string & part) const {
    std::ifstream log{folder_ / "log"};
    std::size_t count = 0;
    for (std::string line; std::getline(log, line);) {
        if (Json::parse(line)["path"].get<std::string>().find(part) != std::string::npos) ++count;
    }
    return count;
}

std::vector<std::string> PullSite::published() const {
    std::vector<std::string> names;
    for (const auto & entry : fs::directory_iterator{storage()}) {
        const std::string name = entry.path().filename().string();
        if (name != ".lock") names.push_back(name); // of the service, and always there
    }
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace shifter::pull::testing
