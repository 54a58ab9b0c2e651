#include "plan/mount_plan.hpp"

#include <catch2/catch.hpp>

using namespace shifter;

namespace {

struct Inputs {
    SiteConfig site;
    RequestedImage image = *ImageId::parse("abc123");
    ImageRecord record;
    std::vector<Volume> volumes;
    std::vector<const Module *> modules;
    Account account{"ann", "ann:x:1000:100::/:/bin/sh\n", "root:x:0:\n"};
    Inputs() {
        site.udi_mount = "/var/udiMount";
        site.loop_mount = "/var/loopMount";
        site.image_path = "/images";
        site.etc_path = "/site/etc";
        site.populate_etc_dynamically = true;
    }
    std::optional<std::uint64_t> writable{};
    [[nodiscard]] MountPlan plan() const {
        return make_plan({site, image, record, volumes, modules, account, writable});
    }
    [[nodiscard]] std::string described() const { return describe(plan()); }
    void user(const char * map) { volumes = *parse_volume_map(map, VolumeOwner::user); }
    void site_fs(const char * map) { site.site_fs = *parse_volume_map(map, VolumeOwner::site); }
};

/** The position of a line that begins so; the test fails where there is none. */
std::size_t line(const std::string & text, const std::string & beginning) {
    const std::size_t place = ("\n" + text).find("\n" + beginning);
    INFO(text);
    REQUIRE(place != std::string::npos);
    return place;
}

} // namespace

TEST_CASE("the plan follows the order of contract 5.3") {
    Inputs inputs;
    inputs.site_fs("/home:/home");
    inputs.user("/home/ann:/data:ro");
    Module module;
    module.name = "gpu";
    module.site_fs = *parse_volume_map("/opt/gpu:/opt/gpulib:ro", VolumeOwner::site);
    inputs.modules = {&module};
    const std::string text = inputs.described();
    const std::vector<std::string> order = {
        "mount -t squashfs -o loop,ro,nosuid,nodev /images/abc123.squashfs /var/loopMount",
        "mount -t tmpfs -o nosuid,nodev,mode=0755 none /var/udiMount",
        "mkdir -m 0755 /var/udiMount/etc",
        "mount --bind --make-private -o nosuid,nodev /home /var/udiMount/home",
        "mount --bind --make-private -o nosuid,nodev,ro /opt/gpu /var/udiMount/opt/gpulib",
        "ln -s /proc/mounts /var/udiMount/etc/mtab",
        "install -m 0644 /etc/hosts /var/udiMount/etc/hosts",
        "install -m 0644 /dev/stdin /var/udiMount/etc/passwd",
        "install -m 0644 /dev/stdin /var/udiMount/etc/group",
        "install -m 0600 /dev/stdin /var/udiMount/etc/shadow",
        "mount --bind --make-private -o nosuid,nodev,noexec /proc /var/udiMount/proc",
        "mount --bind --make-private -o nosuid,nodev,noexec /sys /var/udiMount/sys",
        "mount --rbind --make-rprivate -o nosuid /dev /var/udiMount/dev",
        "mount --bind --make-private -o nosuid,nodev /tmp /var/udiMount/tmp",
        "mount --bind --make-private -o nosuid,nodev /var/tmp /var/udiMount/var/tmp",
        "# each entry of /var/loopMount that",
        "# each entry of /var/loopMount/var that",
        "# each entry of /var/loopMount/opt that",
        "mount -t overlay -o ro,nosuid,nodev,lowerdir=/var/udiMount/etc:/var/loopMount/etc none /var/udiMount/etc",
        "mount --bind -o nosuid,nodev,ro /var/udiMount/home/ann /var/udiMount/data",
        "install -m 0644 /dev/stdin /var/udiMount/var/shifterConfig.json",
        "mount -o remount,bind,ro /var/udiMount",
    };
    std::size_t last = 0;
    for (const std::string & step : order) {
        const std::size_t here = line(text, step);
        CHECK(here >= last);
        last = here;
    }
}

TEST_CASE("the root stays writable when the site says so") {
    Inputs inputs;
    inputs.site.udi_root_writable = true;
    CHECK(inputs.described().find("remount") == std::string::npos);
}

TEST_CASE("I13: no bind but the one of /dev allows devices") {
    Inputs inputs;
    inputs.site_fs("/home;/scratch:/scratch:rec:slave");
    for (const Step & step : inputs.plan().steps)
        if (const auto * const bind = std::get_if<BindHost>(&step); bind != nullptr) {
            CHECK(bind->devices == (bind->to.to_string() == "/dev"));
        }
}

TEST_CASE("I12: two volumes cannot have one destination (H4-12)") {
    Inputs inputs;
    inputs.user("/a:/b");
    inputs.volumes.push_back(parse_volume_map("/c:/b", VolumeOwner::user)->front());
    CHECK_THROWS_WITH(inputs.plan(), "cannot use volume /c:/b: the destination is named twice");
}

TEST_CASE("I12: the rules for destinations hold in the plan, too, whoever parsed the text") {
    Inputs inputs;
    // As a site's map this text is allowed, so these volumes have not been held to the user's rules yet.
    inputs.volumes = *parse_volume_map("/a:/etc/opt", VolumeOwner::site);
    CHECK_THROWS_WITH(inputs.plan(), Catch::Contains("cannot use volume /a:/etc/opt: /etc is set by the site"));
}

TEST_CASE("hooks and trees stand where contract 5.3 has them, with a context for the hooks (H5-4)") {
    Inputs inputs;
    inputs.site.site_pre_mount_hook = "/hooks/pre";
    inputs.site.site_post_mount_hook = "/hooks/post";
    inputs.site.opt_udi_image = "/site/udi";
    inputs.site_fs("/home");
    Module module;
    module.name = "mpi";
    module.site_fs = *parse_volume_map("/sw:/sw", VolumeOwner::site);
    module.copy_path = "/site/mpi";
    module.root_hook = "/hooks/mpi";
    module.user_hook = "/hooks/user";
    inputs.modules = {&module};
    const std::string text = inputs.described();
    const std::vector<std::string> order = {
        "(cd /var/udiMount && env -i SHIFTER_HOOK=sitePreMountHook ... /hooks/pre)",
        "mount --bind --make-private -o nosuid,nodev /home /var/udiMount/home",
        "(cd /var/udiMount && env -i SHIFTER_HOOK=sitePostMountHook ... /hooks/post)",
        "mount --bind --make-private -o nosuid,nodev /sw /var/udiMount/sw",
        "install -m 0600 /dev/stdin /var/udiMount/etc/shadow",
        "# each entry of /site/udi in /var/udiMount/opt/udiImage: ",
        "# each entry of /site/mpi in /var/udiMount/opt/udiImage/modules/mpi: ",
        "(cd /var/udiMount && env -i SHIFTER_HOOK=module_mpi_roothook ... /hooks/mpi)",
        "mount --bind --make-private -o nosuid,nodev,noexec /proc /var/udiMount/proc",
    };
    std::size_t last = 0;
    for (const std::string & step : order) {
        const std::size_t here = line(text, step);
        CHECK(here >= last);
        last = here;
    }
    CHECK(text.find("/hooks/user") == std::string::npos); // it is run inside, as the user
    for (const Step & step : inputs.plan().steps)
        if (const auto * const hook = std::get_if<RunHook>(&step); hook != nullptr && hook->path == "/hooks/mpi") {
            CHECK(hook->environment == std::vector<std::string>{"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                                                "SHIFTER_HOOK=module_mpi_roothook",
                                                                "SHIFTER_ROOT=/var/udiMount", "SHIFTER_IMAGE=abc123",
                                                                "SHIFTER_USER=ann", "SHIFTER_MODULE=mpi"});
        }
}

TEST_CASE("a perNodeCache is held to the site's limits, on each side of them (4.3, H4-9, R16)") {
    Inputs inputs;
    inputs.site.per_node_cache_path = "/scratch";
    inputs.site.mkfs_xfs_path = "/sbin/mkfs.xfs";
    inputs.site.per_node_cache_size_limit = 1U << 30U;
    inputs.site.per_node_cache_allowed_fs = {"xfs"};
    inputs.user("/any:/cache:perNodeCache=size=1G");
    line(inputs.described(), "truncate -s 1073741824 /scratch/CACHE");
    line(inputs.described(), "mount -t xfs -o loop,nosuid,nodev /scratch/CACHE /var/udiMount/cache");
    std::string why;
    SECTION("more than the limit") {
        inputs.user("/any:/cache:perNodeCache=size=1073741825");
        why = "1073741825 bytes are more than the site's limit of 1073741824 (perNodeCacheSizeLimit)";
    }
    SECTION("more than the limit together") {
        inputs.user("/any:/cache2:perNodeCache=size=1G;/any:/cache:perNodeCache=size=1");
        why = "1073741825 bytes are more than the site's limit of 1073741824 (perNodeCacheSizeLimit)";
    }
    SECTION("a file system that is not in the list") {
        inputs.site.per_node_cache_allowed_fs = {"ext4"};
        why = "the site does not allow xfs (perNodeCacheAllowedFsType)";
    }
    SECTION("no place") {
        inputs.site.per_node_cache_path = "";
        why = "the site has no perNodeCachePath";
    }
    SECTION("no mkfs.xfs") {
        inputs.site.mkfs_xfs_path = "";
        why = "the site has no mkfsXfsPath";
    }
    CHECK_THROWS_WITH(inputs.plan(), "cannot make the perNodeCache for /cache: " + why);
}

TEST_CASE("a tmpfs has the size that was asked for, or the site's limit (R16)") {
    Inputs inputs;
    inputs.site.tmpfs_size_limit = 1000;
    inputs.user("tmpfs:/x:size=1000;tmpfs:/y:ro");
    line(inputs.described(), "mount -t tmpfs -o nosuid,nodev,mode=1777,uid=UID,gid=GID,size=1000 none /var/udiMount/x");
    line(inputs.described(),
         "mount -t tmpfs -o nosuid,nodev,ro,mode=1777,uid=UID,gid=GID,size=1000 none /var/udiMount/y");
    inputs.user("tmpfs:/x:size=1001");
    CHECK_THROWS_WITH(inputs.plan(),
                      "cannot use volume tmpfs:/x: 1001 bytes are more than the site's limit of 1000 (tmpfsSizeLimit)");
    inputs.site.tmpfs_size_limit = 0;
    line(inputs.described(), "mount -t tmpfs -o nosuid,nodev,mode=1777,uid=UID,gid=GID,size=1001 none");
}

TEST_CASE("a writable root is an overlay in memory, of the caller, and nothing is sealed") {
    Inputs inputs;
    inputs.writable = 0;
    const std::string text = inputs.described();
    line(text, "mount -t tmpfs -o nosuid,nodev,mode=0755,size=1073741824 none /var/udiMount");
    line(text,
         "mount -t overlay -o nosuid,nodev,lowerdir=/var/loopMount,upperdir=MEMORY/upper,workdir=MEMORY/work none");
    line(text, "chown UID:GID /var/udiMount /var/udiMount/var /var/udiMount/opt");
    CHECK(text.find("remount") == std::string::npos);
    inputs.writable = (std::uint64_t{1} << 30U) + 1;
    CHECK_THROWS_WITH(inputs.plan(), Catch::Contains("cannot use --writable: 1073741825 bytes are more than"));
    inputs.writable = 0;
    inputs.site.allow_writable_root = false;
    CHECK_THROWS_WITH(inputs.plan(), "cannot use --writable: this site does not allow it (allowWritableRoot)");
}

TEST_CASE("an overlay for missing mount points is prepared only where a volume lies below the top level") {
    Inputs inputs;
    const auto overlays = [&] {
        for (const Step & step : inputs.plan().steps)
            if (const auto * const overlay = std::get_if<OverlayImage>(&step)) return overlay->mount_points.size();
        return std::size_t{0};
    };
    CHECK(overlays() == 0);
    inputs.user("/a:/data");
    CHECK(overlays() == 0);
    inputs.user("/a:/data;/a:/usr/lib/data;/a:/app/x");
    CHECK(overlays() == 2);
}

TEST_CASE("I10, I12: a source on the node is decided on by component, and deny wins") {
    const UserSources sources{{"/scratch", "/data", "/dev"}, {"/data/private", "/scratch/x/y"}};
    const auto [path, allowed] = GENERATE(table<std::string, bool>({{"/scratch", false}, // would show /scratch/x/y
                                                                    {"/scratch/x", false},
                                                                    {"/scratch/x/z", true},
                                                                    {"/scratch/me/deep", true},
                                                                    {"/scratchy", false},
                                                                    {"/data/priv", true},
                                                                    {"/data/private", false},
                                                                    {"/data/private/x", false},
                                                                    {"/data/privateer", true},
                                                                    {"/scratch/x/y", false},
                                                                    {"/", false},
                                                                    {"/home", false},
                                                                    {"/dev/shm", false},
                                                                    {"/proc/self", false},
                                                                    {"/scratch/a b\nc", true},
                                                                    {"/scratch/me (deleted)", true},
                                                                    {"", false},
                                                                    {"socket:[12]", false}}));
    INFO(path);
    CHECK_FALSE(refuse_host_source(path, sources).has_value() == allowed);
    CHECK(refuse_host_source(path, {}).has_value());
    CHECK(refuse_host_source("/sys/x", {{"/"}, {}}) == "the site does not let users bind \"/sys/x\" of the node");
    CHECK_FALSE(refuse_host_source("/any", {{"/"}, {}}));
}

TEST_CASE("a site mount below an image directory keeps the image's other entries visible") {
    Inputs inputs;
    inputs.site_fs("/opt/cray:/usr/lib/cray");
    const std::string text = inputs.described();
    line(text, "# each entry of /var/loopMount/usr that /var/udiMount/usr");
    line(text, "# each entry of /var/loopMount/usr/lib that /var/udiMount/usr/lib");
}

TEST_CASE("a site mount below /etc comes to the top of the merged /etc") {
    Inputs inputs;
    inputs.site_fs("/x:/etc/opt/cray");
    line(inputs.described(), "mount --move /var/udiMount/etc/opt/cray /var/udiMount/etc/opt/cray");
}

TEST_CASE("a static /etc is copied but for group and shadow, and the whole group file does not stay (5.6, H5-11)") {
    Inputs inputs;
    inputs.site.populate_etc_dynamically = false;
    bool copied = false;
    for (const Step & step : inputs.plan().steps) {
        if (const auto * const copy = std::get_if<CopyHostDirectory>(&step)) {
            copied = true;
            CHECK(copy->except == std::vector<std::string>{"group", "shadow"});
        }
    }
    CHECK(copied);
    CHECK(inputs.described().find("group.orig") == std::string::npos);
}

TEST_CASE("the state line is byte for byte that of contract 1.8") {
    Inputs inputs;
    CHECK(state_line({inputs.site, inputs.image, inputs.record, inputs.volumes, inputs.modules, inputs.account}) ==
          "{\"identifier\":\"abc123\",\"user\":\"ann\",\"volMap\":\"\",\"modules\":\"\"}\n");
    Module one;
    one.name = "m1";
    Module two;
    two.name = "m2";
    inputs.modules = {&one, &two};
    inputs.user("/d:/c;/a:/c2:RO;/a:/b");
    CHECK(state_line({inputs.site, inputs.image, inputs.record, inputs.volumes, inputs.modules, inputs.account}) ==
          "{\"identifier\":\"abc123\",\"user\":\"ann\",\"volMap\":\"/a:/b;/a:/c2:ro;/d:/c\",\"modules\":\"m1,m2,\"}\n");
}

TEST_CASE("a described path is one word of a shell") {
    Inputs inputs;
    inputs.site.udi_mount = "/var/udi mount's";
    line(inputs.described(), R"(mount -t tmpfs -o nosuid,nodev,mode=0755 none '/var/udi mount'\''s')");
}

TEST_CASE("a site may run hooks as root if it names one, be it a module's that nobody has selected") {
    SiteConfig site;
    Module module;
    module.user_hook = "/the/users"; // runs as the user
    site.modules["m"] = module;
    CHECK_FALSE(may_run_hooks(site));
    for (std::string * hook : {&site.site_pre_mount_hook, &site.site_post_mount_hook, &site.modules["m"].root_hook}) {
        *hook = "/hook";
        CHECK(may_run_hooks(site));
        hook->clear();
    }
    CHECK_FALSE(may_run_hooks(site));
}
