#include "site/site_config.hpp"

#include "base/text.hpp"
#include "site/config_names.hpp"
#include "site/site_config_keys.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using shifter::EnvironmentEdit;
using shifter::ParsedSiteConfig;
using shifter::Propagation;
using shifter::SiteConfig;

namespace {

using Names = std::vector<std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

const std::string base = "udiMount=/var/udiMount\nloopMount=/var/udiLoopMount\nimagePath=/images\nudiRootPath=/"
                         "usr\netcPath=/etc/shifter/files\n";
constexpr unsigned base_lines = 5;

ParsedSiteConfig parse(const std::string & text) { return shifter::parse_site_config({{"conf", text}}); }

/** Every problem of `lines`, which come after a complete configuration, numbered from 1. */
Names problems_of(const std::string & lines) {
    Names result;
    for (auto problem : parse(base + lines).problems) {
        if (problem.line > base_lines) problem.line -= base_lines;
        result.push_back((problem.severity == shifter::Severity::error ? "E " : "W ") + problem.to_string());
    }
    return result;
}

SiteConfig config_of(const std::string & lines) {
    const Names problems = problems_of(lines);
    INFO(lines);
    CHECK(problems == Names{});
    return parse(base + lines).config;
}

std::vector<shifter::Volume> volumes(const std::string & map) {
    return shifter::parse_volume_map(map, shifter::VolumeOwner::site).value_or_throw("test");
}

} // namespace

TEST_CASE("the example of appendix C is understood, every key of it") {
    const auto parsed = parse(R"(udiMount=/var/udiMount
loopMount=/var/udiLoopMount
imagePath=/images
udiRootPath=/usr
optUdiImage=/usr/libexec/shifter/opt/udiImage
etcPath=/etc/shifter/shifter_etc_files
allowLocalChroot=0
allowLibcPwdCalls=1
populateEtcDynamically=1
mountUdiRootWritable=1
maxGroupCount=31
modprobePath=/sbin/modprobe
insmodPath=/sbin/insmod
cpPath=/bin/cp
mvPath=/bin/mv
chmodPath=/bin/chmod
ddPath=/bin/dd
mkfsXfsPath=/sbin/mkfs.xfs
rootfsType=tmpfs
perNodeCachePath=/scratch
siteFs=/home:/home;\
       /global:/global:rec:slave
siteEnv=SHIFTER_RUNTIME=1
siteEnvAppend=PATH=/opt/udiImage/bin
imageGateway=http://gw1:5000 http://gw2:5000
gatewayTimeout=10
system=alpha
defaultImageType=docker
defaultModules=mpich
module_mpich_copyPath=/opt/shifter/mpich
module_mpich_siteEnvPrepend=LD_LIBRARY_PATH=/opt/udiImage/modules/mpich/lib64
module_gpu_siteFs=/opt/gpu/lib64:/opt/gpulib:ro
module_gpu_conflict=mpich
)");
    CHECK(parsed.problems.empty());
    SiteConfig expected;
    expected.udi_mount = "/var/udiMount";
    expected.loop_mount = "/var/udiLoopMount";
    expected.image_path = "/images";
    expected.udi_root_path = "/usr";
    expected.opt_udi_image = "/usr/libexec/shifter/opt/udiImage";
    expected.etc_path = "/etc/shifter/shifter_etc_files";
    expected.allow_libc_pwd_calls = true;
    expected.populate_etc_dynamically = true;
    expected.udi_root_writable = true;
    expected.max_group_count = 31;
    expected.mkfs_xfs_path = "/sbin/mkfs.xfs";
    expected.per_node_cache_path = "/scratch";
    expected.site_fs = volumes("/home:/home;/global:/global:rec:slave");
    expected.environment.set = {{"SHIFTER_RUNTIME", "1"}};
    expected.environment.append = {{"PATH", "/opt/udiImage/bin"}};
    expected.image_gateways = {"http://gw1:5000", "http://gw2:5000"};
    expected.gateway_timeout = std::chrono::seconds{10};
    expected.system = "alpha";
    expected.default_image_type = shifter::ImageType::docker;
    expected.default_modules = {"mpich"};
    shifter::Module mpich;
    mpich.name = "mpich";
    mpich.copy_path = "/opt/shifter/mpich";
    mpich.environment.prepend = {{"LD_LIBRARY_PATH", "/opt/udiImage/modules/mpich/lib64"}};
    shifter::Module gpu;
    gpu.name = "gpu";
    gpu.site_fs = volumes("/opt/gpu/lib64:/opt/gpulib:ro");
    gpu.conflicts = {"mpich"};
    expected.modules = {{"mpich", mpich}, {"gpu", gpu}};
    CHECK(parsed.config == expected);
}

TEST_CASE("lines are read by the grammar of 3.2") {
    auto [text, value] = GENERATE(table<std::string, std::string>({
        {"system=alpha\n", "alpha"},
        {"  system \t=\t alpha  \n", "alpha"},
        {"system=alpha", "alpha"},
        {"system=alpha\r\n", "alpha"},
        {"#system=beta\nsystem=alpha\n#system=gamma\n", "alpha"},
        {"system=beta\nsystem=alpha\n", "alpha"},
        {"system=beta\nsystem=\n", ""},
        {"system=\\\n  alpha\n", "alpha"},
        {"system=\\\r\n  alpha\r\n", "alpha"},
        {"system=\\\n# a comment\\\n  alpha\n", "alpha"},
        {"\n\n  \nsystem=alpha\n", "alpha"},
    }));
    INFO(text);
    CHECK(config_of(text).system == value);
    CHECK(config_of("siteEnv=A=1 \\\n B=2\\\n\tC=a=b\\\n\n").environment.set ==
          Pairs{{"A", "1"}, {"B", "2"}, {"C", "a=b"}});
    CHECK(problems_of(" #siteEnv=A=1\n").size() == 1); // a comment only in column 1
    CHECK(config_of("siteEnv=A=#1 B=#\n").environment.set == Pairs{{"A", "#1"}, {"B", "#"}});
}

TEST_CASE("lines that are no assignment are reported with their place (H3-4)") {
    auto [text, problem] = GENERATE(table<std::string, std::string>({
        {"system alpha\n", "W conf:1: the line \"system alpha\" has no '=', and is ignored"},
        {"system=a\\", "E conf:1: the file ends where the backslash promises another line"},
        {"system=a\\\n", "E conf:1: the file ends where the backslash promises another line"},
        {"system=a\\\n# only a comment\n", "E conf:1: the file ends where the backslash promises another line"},
        {"siteEnv=A=1\\ \n", "W conf:1: blanks follow the backslash, so that it does not continue the line"},
    }));
    CHECK(problems_of(text) == Names{problem});
    CHECK(parse(std::string("udiMount=/a\0b\n", 14)).problems.at(0).to_string() ==
          "conf: it holds a NUL, and is no text");
    CHECK(parse(std::string((std::size_t{4} << 20U) + 1, '#')).problems.at(0).to_string() ==
          "conf: it has more than 4 MiB");
    CHECK(parse(base + std::string((std::size_t{4} << 20U) - base.size(), '#')).usable());
}

TEST_CASE("booleans are numbers or common words, and nothing else (H3-3)") {
    auto [word, value] = GENERATE(table<std::string, bool>({{"0", false},
                                                            {"00", false},
                                                            {"no", false},
                                                            {"False", false},
                                                            {"OFF", false},
                                                            {"", false},
                                                            {"1", true},
                                                            {"2", true},
                                                            {"10", true},
                                                            {"yes", true},
                                                            {"TRUE", true},
                                                            {"on", true},
                                                            {"99999999999999999999", true}}));
    CHECK(config_of("allowLocalChroot=" + word).allow_local_chroot == value);
    const std::string bad = GENERATE(as<std::string>{}, "y", "-1", "1.0", "enabled", "1 0", "0x1", "ja");
    CHECK(problems_of("allowLocalChroot=" + bad) ==
          Names{"E conf:1: allowLocalChroot: \"" + bad + "\" is neither yes nor no; write 1 or 0"});
}

TEST_CASE("numbers, sizes and choices are within their bounds, or refused with file and line (R16)") {
    auto [line, good] = GENERATE(table<std::string, bool>({
        {"gatewayTimeout=0", true},
        {"gatewayTimeout=86400", true},
        {"gatewayTimeout=86401", false},
        {"gatewayTimeout=-1", false},
        {"gatewayTimeout=10s", false},
        {"gatewayTimeout=99999999999999999999", false},
        {"launchTimeout=1", true},
        {"launchTimeout=3600", true},
        {"launchTimeout=0", false},
        {"launchTimeout=3601", false},
        {"tmpfsSizeLimit=64G", true},
        {"tmpfsSizeLimit=0", true},
        {"tmpfsSizeLimit=much", false},
        {"allowWritableRoot=no", true},
        {"allowWritableRoot=perhaps", false},
        {"userMountAllow=/scratch /data/", true},
        {"userMountAllow=/", true},
        {"userMountAllow=scratch", false},
        {"userMountAllow=/scratch, /data", true}, // a directory whose name ends in a comma
        {"userMountDeny=/data/../x", false},
        {"maxGroupCount=65536", true},
        {"maxGroupCount=65537", false},
        {"maxGroupCount=", true},
        {"perNodeCacheSizeLimit=1.5G", true},
        {"perNodeCacheSizeLimit=100GB", true},
        {"perNodeCacheSizeLimit=-1", false},
        {"perNodeCacheSizeLimit=lots", false},
        {"rootfsType=tmpfs", true},
        {"rootfsType=ramfs", true},
        {"rootfsType=ext4", false},
        {"mountPropagationStyle=slave", true},
        {"mountPropagationStyle=private", true},
        {"mountPropagationStyle=shared", false},
        {"mountPropagationStyle=Slave", false},
        {"imageMount=auto", true},
        {"imageMount=kernel", true},
        {"imageMount=fuse", true},
        {"imageMount=loop", false},
        {"defaultImageType=docker", true},
        {"defaultImageType=Docker", false},
        {"gatewayUser=shifter-gw", true},
        {"gatewayUser=990", true},
        {"gatewayUser=a:b", false},
        {"system=al/pha", false},
        {"system=al pha", false},
        {"imagePath=images", false},
        {"imagePath=/a/../b", false},
        {"imagePath=/", false},
        {"imagePath=/im\x01", false},
        {"imageGateway=https://gw:5000/ gw2:5000", true},
        {"imageGateway=file:///etc/passwd", false},
        {"imageGateway=http://", false},
        {"siteEnv=A= B=b=c", true},
        {"siteEnv=A", false},
        {"siteEnv==b", false},
        {"siteEnvUnset=A B", true},
        {"siteEnvUnset=A=b", false},
        {"usersToImport=a b", true},
        {"usersToImport=a:x:0", false},
        {"siteFs=/a:/etc", false},
        {"siteFs=/home:/home:rec", true},
    }));
    const Names problems = problems_of(line + "\n");
    INFO(line);
    CHECK(problems.empty() == good);
    if (!good) CHECK(problems.front().find("E conf:1: " + line.substr(0, line.find('=')) + ": ") == 0);
}

TEST_CASE("values mean what they say") {
    CHECK(config_of("mountPropagationStyle=slave").mount_propagation == Propagation::slave);
    CHECK(config_of("imageMount=fuse").image_mount == shifter::ImageMount::fuse);
    CHECK(config_of("").tmpfs_size_limit == std::uint64_t{1} << 30U);
    CHECK(config_of("tmpfsSizeLimit=2M").tmpfs_size_limit == std::uint64_t{2} << 20U);
    CHECK(config_of("").allow_writable_root);
    CHECK_FALSE(config_of("allowWritableRoot=0").allow_writable_root);
    CHECK(config_of("userMountAllow=/a //b/\nuserMountAllow=/c").user_mount_allow == Names{"/a", "/b", "/c"});
    CHECK(config_of("userMountDeny=/a/x").user_mount_deny == Names{"/a/x"});
    CHECK(config_of("launchTimeout=5").launch_timeout == std::chrono::seconds{5});
    CHECK(config_of("perNodeCacheSizeLimit=1.5k").per_node_cache_size_limit == 1536);
    CHECK(config_of("imageGateway=https://a/ b:1 http://c").image_gateways ==
          Names{"https://a", "http://b:1", "http://c"});
    CHECK(config_of("imagePath=/images//x/").image_path == "/images/x");
    CHECK(config_of("siteEnv=A= B=b=c").environment.set == Pairs{{"A", ""}, {"B", "b=c"}});
    CHECK(config_of("defaultImageType=id").default_image_type == shifter::ImageType::id);
}

TEST_CASE("lists add up over lines and files, of scalars the last one counts (3.2)") {
    const auto parsed = shifter::parse_site_config(
        {{"conf", base + "siteFs=/a\nsiteEnv=A=1\nimageGateway=http://a\nusersToImport=u\nsystem=x\nlaunchTimeout=5\n"},
         {"conf.d/1.conf", "siteFs=/b\nsiteEnv=B=2 C=3\nimageGateway=\nimageGateway=http://b\nusersToImport=v\n"},
         {"conf.d/2.conf", "system=y\nlaunchTimeout=\n"}});
    CHECK(parsed.problems.empty());
    CHECK(parsed.config.site_fs == volumes("/a;/b"));
    CHECK(parsed.config.environment.set == Pairs{{"A", "1"}, {"B", "2"}, {"C", "3"}});
    CHECK(parsed.config.image_gateways == Names{"http://a", "http://b"});
    CHECK(parsed.config.users_to_import == Names{"u", "v"});
    CHECK(parsed.config.system == "y");
    CHECK(parsed.config.launch_timeout == SiteConfig{}.launch_timeout);
}

TEST_CASE("a required key that is missing or empty is named (H3-4)") {
    const std::string key = GENERATE(as<std::string>{}, "udiMount", "loopMount", "imagePath", "udiRootPath", "etcPath");
    std::string without = base;
    const std::size_t begin = without.find(key);
    without.erase(begin, without.find('\n', begin) - begin + 1);
    CHECK(parse(without).problems.at(0).to_string() == "conf: " + key + ": it is required, and has no value");
    CHECK_FALSE(parse(without).usable());
    CHECK(problems_of(key + "=\n") == Names{"E conf:1: " + key + ": it is required, and has no value"});
}

TEST_CASE("tools of older releases need not be there (H3-8)") {
    CHECK(config_of(
              "cpPath=/no/such\nmvPath=\nchmodPath=x\nddPath=/x\nmodprobePath=/y\ninsmodPath=/z\nbatchType=slurm\n") ==
          config_of(""));
}

TEST_CASE("keys of older releases have no effect, and say so (3.3)") {
    CHECK(config_of("nodeContextPrefix=x\n") == config_of(""));
    const std::string key = GENERATE(as<std::string>{}, "kmodBasePath", "kmodCacheFile", "autoLoadKernelModule",
                                     "optionalSshdAsRoot", "siteResources", "udiImagePath");
    const Names problems = problems_of(key + "=/x\n");
    REQUIRE(problems.size() == 1);
    CHECK(problems.front().find("W conf:1: " + key + ": deprecated, and ignored") == 0);
}

TEST_CASE("an unknown key warns with the nearest known one, and stops where its name could grant something (H3-5)") {
    auto [line, problem] = GENERATE(table<std::string, std::string>({
        {"systm=x", "W conf:1: systm: unknown key, which is ignored; is system meant?"},
        {"SITEFS=/a", "W conf:1: SITEFS: unknown key, which is ignored; is siteFs meant?"},
        {"somethingElseAltogether=1", "W conf:1: somethingElseAltogether: unknown key, which is ignored"},
        {"=1", "W conf:1: unknown key, which is ignored"},
        {"allowLocalChrot=1",
         "E conf:1: allowLocalChrot: unknown key, and its name could grant something; is allowLocalChroot meant?"},
        {"allowedImageTypes=x", "E conf:1: allowedImageTypes: unknown key, and its name could grant something"},
        {"imagepath=/x", "E conf:1: imagepath: unknown key, and its name could grant something; is imagePath meant?"},
        {"userACLs=1", "E conf:1: userACLs: unknown key, and its name could grant something"},
        {"module_gpu_sitefs=/a", "W conf:1: module_gpu_sitefs: unknown key, which is ignored; is siteFs meant?"},
        {"module_gpu_kopyPath=/a",
         "E conf:1: module_gpu_kopyPath: unknown key, and its name could grant something; is copyPath meant?"},
        {"module_gpu=/a", "W conf:1: module_gpu: unknown key, which is ignored"},
        {"module_gpu_=/a", "W conf:1: module_gpu_: unknown key, which is ignored"},
        {"module__siteFs=/a", "E conf:1: module__siteFs: \"\" cannot be the name of a module"},
        {"module_../x_siteFs=/a", "E conf:1: module_../x_siteFs: \"../x\" cannot be the name of a module"},
        {"module_a,b_siteFs=/a", "E conf:1: module_a,b_siteFs: \"a,b\" cannot be the name of a module"},
    }));
    INFO(line);
    CHECK(problems_of(line + "\n") == Names{problem});
    CHECK(parse(base + line).usable() == (problem.front() == 'W'));
}

TEST_CASE("all problems are told at once, in the order of the file, and at most a hundred") {
    CHECK(problems_of("launchTimeout=x\nsystm=1\nno equals sign\nallowX=1\nimagePath=rel\n").size() == 5);
    const Names problems = problems_of("launchTimeout=x\nno equals sign\nsystm=1\n");
    REQUIRE(problems.size() == 3);
    CHECK(problems[0].find("E conf:1: launchTimeout") == 0);
    CHECK(problems[1].find("W conf:2: the line") == 0);
    CHECK(problems[2].find("W conf:3: systm") == 0);
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "nonsense" + std::to_string(i) + "=1\n";
    const auto parsed = parse(base + many);
    CHECK(parsed.problems.size() == 101);
    CHECK(parsed.problems.back().what == "there are more than 100 problems; the others are not shown");
    CHECK_FALSE(parsed.usable());
}

TEST_CASE("a configuration has at most 4 MiB (R16)") {
    const std::string full = base + std::string((std::size_t{4} << 20U) - base.size() - 1, '#') + "\n";
    CHECK(parse(full).problems.empty());
    const auto larger = parse(full + "\n").problems;
    REQUIRE_FALSE(larger.empty());
    CHECK(larger.front().to_string() == "conf: it has more than 4 MiB");
}

TEST_CASE("a module's name has at most 64 bytes, and a near key is sought for as many (R16)") {
    const std::string name(64, 'm');
    CHECK(config_of("module_" + name + "_enabled=1\n").modules.count(name) == 1);
    REQUIRE(problems_of("module_" + name + "m_enabled=1\n").size() == 1);
    const std::string near = "siteEnvUnset" + std::string(52, 't'); // 64 bytes
    CHECK(shifter::suggest_name({near}, "x" + near.substr(1)) == "; is " + near + " meant?");
    CHECK(shifter::suggest_name({near}, "x" + near).empty());
}

TEST_CASE("udiMount and loopMount keep out of each other's way") {
    auto [udi, loop, good] = GENERATE(table<std::string, std::string, bool>({{"/var/udi", "/var/loop", true},
                                                                             {"/var/udi", "/var/udi2", true},
                                                                             {"/var/udi", "/var/udi/", false},
                                                                             {"/var/udi", "/var/udi/loop", false},
                                                                             {"/var/udi/x", "/var/udi", false}}));
    CHECK(problems_of("udiMount=" + udi + "\nloopMount=" + loop + "\n").empty() == good);
}

TEST_CASE("a destination of the site that is hidden by a later one is a warning") {
    CHECK(problems_of("siteFs=/a:/m\nsiteFs=/b:/m\n") ==
          Names{"W conf:2: siteFs: /m is mounted twice; the later entry hides the earlier one"});
}

TEST_CASE("modules are read by their subkeys, and their names may hold underscores (3.4, H3-7)") {
    const SiteConfig config =
        config_of("module_nccl-2.15_siteEnv=A=1\nmodule_nccl-2.15_siteEnv=B=2\nmodule_nccl-2.15_siteEnvUnset=X\n"
                  "module_my_gpu_siteFs=/a\nmodule_my_gpu_siteFs=/b:/c:ro\nmodule_my_gpu_copypath=/opt/x\n"
                  "module_my_gpu_roothook=/r.sh\nmodule_my_gpu_userhook=/u.sh\nmodule_my_gpu_enabled=no\n"
                  "module_none_conflict=my_gpu nccl-2.15\n");
    REQUIRE(config.modules.size() == 3);
    const auto & nccl = config.modules.at("nccl-2.15");
    CHECK(nccl.name == "nccl-2.15");
    CHECK(nccl.enabled);
    CHECK(nccl.environment == EnvironmentEdit{{{"B", "2"}}, {}, {}, {"X"}}); // of a module's lists the last line counts
    const auto & gpu = config.modules.at("my_gpu");
    CHECK(gpu.site_fs == volumes("/a;/b:/c:ro"));
    CHECK(gpu.copy_path == "/opt/x");
    CHECK(gpu.root_hook == "/r.sh");
    CHECK(gpu.user_hook == "/u.sh");
    CHECK_FALSE(gpu.enabled);
    CHECK(config.modules.at("none").conflicts == Names{"my_gpu", "nccl-2.15"});
}

TEST_CASE("errors of a module fail the configuration (H3-7)") {
    CHECK(problems_of("module_gpu_siteFs=/a:/etc\n").at(0).find("E conf:1: module_gpu_siteFs: volume \"/a:/etc\": ") ==
          0);
    CHECK(problems_of("module_gpu_enabled=maybe\n").size() == 1);
    CHECK(problems_of("module_gpu_conflict=mpich\n") ==
          Names{"E conf:1: module_gpu_conflict: there is no module \"mpich\""});
    CHECK(problems_of("defaultModules=gpu\n") ==
          Names{"E conf:1: defaultModules: there is no module \"gpu\"; the site has no modules"});
}

TEST_CASE("a selection activates modules in its order, or says why not (3.4)") {
    const SiteConfig site = config_of("module_a_siteEnv=A=1\nmodule_b_siteEnv=B=1\nmodule_b_conflict=c\nmodule_c_"
                                      "siteEnv=C=1\nmodule_off_enabled=0\n");
    const auto names = [&](const std::string & selection) {
        const auto modules = shifter::select_modules(site, selection);
        Names result;
        if (!modules) return Names{modules.error().what};
        for (const shifter::Module * module : *modules) result.push_back(module->name);
        return result;
    };
    auto [selection, result] = GENERATE(table<std::string, Names>({
        {"", {}},
        {"none", {}},
        {" NoNe ", {}},
        {"b,a", {"b", "a"}},
        {" a , c ", {"a", "c"}},
        {"a,a,,a", {"a"}},
        {"b,c", {"the modules \"b\" and \"c\" exclude each other"}},
        {"c,a,b", {"the modules \"c\" and \"b\" exclude each other"}},
        {"off", {"the site has disabled the module \"off\""}},
        {"a,x", {"there is no module \"x\"; the site has a, b, c"}},
        {"A", {"there is no module \"A\"; the site has a, b, c"}},
        {"a,none", {"there is no module \"none\"; the site has a, b, c"}},
    }));
    CHECK(names(selection) == result);
}

TEST_CASE("the sample configuration has no problems, as it is and with every comment taken away") {
    const std::string sample = shifter::sample_site_config();
    CHECK(parse(sample).problems.empty());
    std::string all;
    for (const std::string_view line : shifter::text::split(sample, '\n'))
        if (line.size() > 2 && line[0] == '#' && line[1] != ' ' && line.find(" = ") != std::string_view::npos)
            (all += line.substr(1)) += '\n';
    REQUIRE(all.find("launchTimeout") != std::string::npos);
    const auto parsed = parse(sample + all);
    for (const auto & problem : parsed.problems) UNSCOPED_INFO(problem.to_string());
    CHECK(parsed.problems.empty());
}

TEST_CASE("the default that the pages state is the one that holds") {
    for (const shifter::ConfigKey & key : shifter::site_config_keys()) {
        INFO(key.name);
        SiteConfig config;
        CHECK_FALSE(key.set(config, ""));
        CHECK(config == SiteConfig{});
        if (key.fallback.empty()) continue;
        CHECK_FALSE(key.set(config, key.fallback));
        CHECK(config == SiteConfig{});
    }
}

TEST_CASE("every key is in the sample or on the list of what is not used, and on the reference page") {
    const std::string page = shifter::site_config_reference();
    for (const shifter::ConfigKey & key : shifter::site_config_keys())
        CHECK(page.find("| `" + std::string{key.name} + "` |") != std::string::npos);
    for (const shifter::ModuleKey & key : shifter::module_keys())
        CHECK(page.find("| `" + std::string{key.name} + "` |") != std::string::npos);
    for (const shifter::IgnoredKey & key : shifter::ignored_keys())
        CHECK(page.find("| `" + std::string{key.name} + "` |") != std::string::npos);
}
