#include "plan/user_namespace.hpp"

#include <catch2/catch.hpp>

using namespace shifter;

namespace {

ContainerPath at(const char * path) { return ContainerPath::parse(path).value_or_throw("a path"); }

Volume volume(const char * map) { return parse_volume_map(map, VolumeOwner::user).value_or_throw("a volume").front(); }

std::string refusal(Step step) {
    MountPlan plan{"/udi", "/loop", {std::move(step)}};
    try {
        adapt_to_user_namespace(plan);
    } catch (const Error & error) {
        return error.what();
    }
    return "it was taken";
}

} // namespace

TEST_CASE("without set-id the plan is one that a user namespace can carry out") {
    MountPlan plan{"/udi",
                   "/loop",
                   {MountImage{"/images/a.squashfs", ImageMount::automatic},
                    BindHost{.from = "/home", .to = at("/home")}, MergeEtc{}, BindVolume{volume("/tmp:/scratch")},
                    SealRoot{}}};
    adapt_to_user_namespace(plan);
    CHECK(std::get<MountImage>(plan.steps[0]).how == ImageMount::fuse);
    CHECK(std::get<BindHost>(plan.steps[1]).recursive);
    CHECK(std::get<MergeImage>(plan.steps[2]).directory.to_string() == "/etc");
    CHECK(std::holds_alternative<BindVolume>(plan.steps[3]));
    CHECK(std::holds_alternative<SealRoot>(plan.steps[4]));
}

TEST_CASE(
    "without set-id a writable root is an overlay with the user's marks over what squashfuse says is the caller's") {
    MountPlan plan{"/udi",
                   "/loop",
                   {MountImage{"/images/a.squashfs", ImageMount::automatic},
                    OverlayImage{.writable = true, .size_bytes = 4096, .mount_points = {}},
                    MergeEtc{{}, {at("/etc/ssh")}, true}}};
    adapt_to_user_namespace(plan);
    CHECK(std::get<MergeEtc>(plan.steps[2]).writable);
    CHECK(
        describe(plan) ==
        "mount -t fuse.squashfuse -o loop,ro,nosuid,nodev /images/a.squashfs /loop\n"
        "mount -t tmpfs -o nosuid,nodev,size=4096 none MEMORY\n"
        "mount -t overlay -o nosuid,nodev,userxattr,lowerdir=/loop,upperdir=MEMORY/upper,workdir=MEMORY/work none /loop"
        "  # squashfuse says that all files are the caller's\n"
        "mount -t overlay -o nosuid,nodev,userxattr,lowerdir=/udi/etc:/loop/etc,upperdir=MEMORY/etc,"
        "workdir=MEMORY/etc-work none /udi/etc\n");
}

TEST_CASE("without set-id, what needs root is refused in words, not left out") {
    const std::string why = ": that needs root, and shifter is not installed set-id root here";
    CHECK(refusal(RunHook{"/etc/hook", "sitePreMountHook", {}}) == "cannot run the site's hook sitePreMountHook" + why);
    CHECK(refusal(MountCache{volume("/tmp:/scratch"), VolumeOwner::user, "/local", "/sbin/mkfs.xfs"}) ==
          "cannot make the perNodeCache at /scratch" + why);
}
