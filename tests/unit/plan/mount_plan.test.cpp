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
    [[nodiscard]] MountPlan plan() const { return make_plan({site, image, record, volumes, modules, account}); }
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

TEST_CASE("what this version does not support is refused in words, not ignored") {
    Inputs inputs;
    Module module;
    module.name = "m";
    inputs.modules = {&module};
    std::string expected;
    SECTION("site hooks before") {
        inputs.site.site_pre_mount_hook = "/x";
        expected = "sitePreMountHook in the site's configuration";
    }
    SECTION("site hooks after") {
        inputs.site.site_post_mount_hook = "/x";
        expected = "sitePostMountHook in the site's configuration";
    }
    SECTION("copies") {
        module.copy_path = "/x";
        expected = "copyPath of module \"m\"";
    }
    SECTION("root hooks") {
        module.root_hook = "/x";
        expected = "roothook of module \"m\"";
    }
    SECTION("user hooks") {
        module.user_hook = "/x";
        expected = "userhook of module \"m\"";
    }
    SECTION("per-node caches") {
        inputs.user("/a:/b:perNodeCache=size=1G");
        expected = "a volume with perNodeCache";
    }
    CHECK_THROWS_WITH(inputs.plan(), expected + " is not supported by this version");
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

TEST_CASE("a static /etc is copied but for group and shadow, and the whole group file does not stay (H5-11)") {
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
