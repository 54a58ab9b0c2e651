#include "fault_site.hpp"

#include "base/io.hpp"
#include "oci/sha256.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace shifter::registry::testing {
namespace {

namespace fs = std::filesystem;

void write_file(const fs::path & path, const std::string & text) {
    std::ofstream out{path, std::ios::binary};
    out << text;
    if (!out.flush()) throw Error{"cannot write " + path.string()};
}

/** Bytes that no compression and no accident produces twice. */
std::string noise(std::size_t size) {
    std::string text(size, '\0');
    std::uint32_t state = 12345;
    for (char & c : text) {
        state = state * 1664525U + 1013904223U;
        c = static_cast<char>(state >> 24U);
    }
    return text;
}

/** Starts a program; `input` and `output` become its descriptors 0 and 1. */
pid_t spawn(std::vector<std::string> command, int input, int output) {
    std::vector<char *> arguments;
    for (std::string & word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, 1);
    ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    pid_t pid = -1;
    const int error = ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw SysError{error, "cannot start " + command[0]};
    return pid;
}

/** The one server program of this process; starting Python for each site would take longer than the tests. */
class Server {
public:
    static Server & instance() {
        static Server server;
        return server;
    }
    Server(const Server &) = delete;
    Server & operator=(const Server &) = delete;

    /** @return the ports of the new pair */
    Json start(const Json & order) {
        io::write_all(input_.get(), order.dump() + "\n", "the registry with faults");
        std::string line;
        for (char c = 0; c != '\n'; line += c)
            if (::read(output_.get(), &c, 1) != 1) throw Error{"the registry with faults did not start"};
        return Json::parse(line);
    }
    void stop(int port) { io::write_all(input_.get(), Json{{"stop", port}}.dump() + "\n", "the registry with faults"); }

private:
    Server() {
        io::Pipe input = io::make_pipe();
        io::Pipe output = io::make_pipe();
        pid_ = spawn({"python3", "-IS", FAULT_REGISTRY}, input.read_end.get(), output.write_end.get());
        input_ = std::move(input.write_end);
        output_ = std::move(output.read_end);
    }
    ~Server() {
        ::kill(pid_, SIGKILL); // a thread of it may be in the middle of a stall
        (void)::waitpid(pid_, nullptr, 0);
    }
    UniqueFd input_;
    UniqueFd output_;
    pid_t pid_ = -1;
};

} // namespace

FaultSite::FaultSite(const std::string & spec, const ImageParts & parts, bool tls) : tls_{tls} {
    std::string name = (fs::temp_directory_path() / "shifter-faults-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw SysError{errno, "cannot make a folder"};
    folder_ = name;
    try {
        write_layout(parts);
        // {layer}: the digest, for a fault that meets one blob only
        std::string text = spec;
        for (std::size_t at = text.find("{layer}"); at != std::string::npos; at = text.find("{layer}"))
            text.replace(at, 7, layer_descriptor_->digest.hex());
        write_file(folder_ / "spec.json", text);
        write_file(folder_ / "log", "");
        if (tls) make_certificate();
        Json order = {{"layout", folder_ / "layout"}, {"spec", folder_ / "spec.json"}, {"log", folder_ / "log"}};
        if (tls) order["tls"] = {ca_file(), key_file()};
        ports_ = Server::instance().start(order);
    } catch (...) {
        fs::remove_all(folder_);
        throw;
    }
}

FaultSite::~FaultSite() {
    Server::instance().stop(ports_.at("main"));
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

Json FaultSite::put(const std::string & bytes, const std::string & media_type) const {
    const Digest digest = oci::digest_of(bytes);
    write_file(folder_ / "layout/blobs/sha256" / digest.hex(), bytes);
    return {{"mediaType", media_type}, {"digest", digest.to_string()}, {"size", bytes.size()}};
}

void FaultSite::write_layout(const ImageParts & parts) {
    fs::create_directories(folder_ / "layout/blobs/sha256");
    layer_ = noise(parts.layer_bytes);
    const Json layer = put(layer_, "application/vnd.oci.image.layer.v1.tar");
    layer_descriptor_ = oci::Descriptor{layer["mediaType"], *Digest::parse(layer["digest"].get<std::string>()),
                                        layer["size"], std::nullopt};
    Json config = parts.config;
    if (config.contains("rootfs") && !config["rootfs"].contains("diff_ids"))
        config["rootfs"]["diff_ids"] = {layer["digest"]};
    const std::string manifest_type = "application/vnd.oci.image.manifest.v1+json";
    Json manifest = {{"schemaVersion", 2},
                     {"mediaType", manifest_type},
                     {"config", put(config.dump(), "application/vnd.oci.image.config.v1+json")},
                     {"layers", {layer}}};
    manifest.merge_patch(parts.manifest);
    Json described = put(manifest.dump(), manifest_type);
    manifest_digest_ = *Digest::parse(described["digest"].get<std::string>());

    Json for_amd64 = described;
    for_amd64["platform"] = {{"os", "linux"}, {"architecture", "amd64"}};
    Json for_arm64 = put("{}", manifest_type);
    for_arm64["platform"] = {{"os", "linux"}, {"architecture", "arm64"}, {"variant", "v8"}};
    const std::string index_type = "application/vnd.oci.image.index.v1+json";
    Json index = {{"schemaVersion", 2}, {"mediaType", index_type}, {"manifests", {for_amd64, for_arm64}}};
    index.merge_patch(parts.index);
    Json index_described = put(index.dump(), index_type);

    described["annotations"]["org.opencontainers.image.ref.name"] = "1";
    index_described["annotations"]["org.opencontainers.image.ref.name"] = "index";
    write_file(folder_ / "layout/index.json",
               Json{{"schemaVersion", 2}, {"manifests", {described, index_described}}}.dump());
}

void FaultSite::make_certificate() const {
    const UniqueFd nothing{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    const pid_t pid = spawn({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                             "-nodes", "-keyout", key_file(), "-out", ca_file(), "-days", "2", "-subj", "/CN=127.0.0.1",
                             "-addext", "subjectAltName=IP:127.0.0.1"},
                            nothing.get(), nothing.get());
    int status = 0;
    (void)::waitpid(pid, &status, 0);
    if (status != 0) throw Error{"cannot make a certificate with openssl req"};
}

std::string FaultSite::host(const std::string & server) const {
    return "127.0.0.1:" + std::to_string(ports_.at(server).get<int>());
}

std::string FaultSite::url(const std::string & server) const {
    return (tls_ && server == "main" ? "https://" : "http://") + host(server);
}

Location FaultSite::location() const {
    Location location;
    location.name = host();
    location.url = url();
    if (tls_) location.ca_file = ca_file();
    return location;
}

ImageReference FaultSite::reference(const std::string & selector) const {
    return ImageReference::parse("reg.example.org/team/app" + selector).value_or_throw("cannot make a reference");
}

std::vector<Asked> FaultSite::asked(const std::string & part) const {
    std::vector<Asked> result;
    std::ifstream log{folder_ / "log"};
    for (std::string line; std::getline(log, line);) {
        const Json entry = Json::parse(line);
        if (entry["path"].get<std::string>().find(part) == std::string::npos) continue;
        result.push_back(
            {entry["server"], entry["path"], entry["authorization"], entry["range"], entry["agent"], entry["time"]});
    }
    return result;
}

std::string FaultSite::filled(std::string text) const {
    for (const auto & [name, port] : ports_.items())
        if (const std::size_t at = text.find("{" + name + "}"); at != std::string::npos)
            text.replace(at, name.size() + 2, std::to_string(port.get<int>()));
    return text;
}

RegistryLimits quick_limits() {
    RegistryLimits limits;
    limits.connect_timeout = std::chrono::seconds{2};
    limits.stall_timeout = std::chrono::seconds{1};
    limits.document_timeout = std::chrono::seconds{2};
    limits.first_delay = std::chrono::milliseconds{1};
    limits.max_delay = std::chrono::seconds{2};
    return limits;
}

std::string read_all(oci::ByteSource & source) {
    std::string result;
    std::vector<std::byte> buffer(100'000);
    while (const std::size_t count = source.read(buffer))
        result.append(reinterpret_cast<const char *>(buffer.data()), count);
    return result;
}

std::ostream & operator<<(std::ostream & out, const Failure & failure) {
    return out << (failure.cause ? std::to_string(static_cast<int>(*failure.cause)) : "none") << ": "
               << failure.sentence;
}

} // namespace shifter::registry::testing
