#include "doctor/doctor.hpp"

#include "base/error.hpp"
#include "support/scratch_directory.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <unistd.h>

using namespace shifter::doctor;
using namespace std::chrono_literals;

namespace {

Finding examine_within(const Check & check, std::chrono::milliseconds limit) {
    return Examination{check}.finish(std::chrono::steady_clock::now() + limit);
}

} // namespace

TEST_CASE("a check's answer comes back whole from its process") {
    CHECK(examine_within({"x", [] { return warn("what", "advice"); }}, 5s) == warn("what", "advice"));
    CHECK(examine_within({"x", [] { return well(std::string(20000, 'x')); }}, 5s) == well(std::string(20000, 'x')));
}

TEST_CASE("R16: a finding of 64 KiB is taken, and a check that says more has failed, and holds nobody up") {
    constexpr std::size_t most = 65536 - 3; // its status, and what parts the rest
    const auto examined = [](std::size_t size) {
        return examine_within({"x", [size] { return well(std::string(size, 'x')); }}, 30s);
    };
    CHECK(examined(most) == well(std::string(most, 'x')));
    for (const std::size_t size : {most + 1, most + 200000}) // the latter is more than a pipe takes
        CHECK(examined(size).what == "the check said more than 64 KiB");
}

TEST_CASE("a check that throws, dies or hangs is a finding") {
    const auto throwing = []() -> Finding { throw shifter::Error{"cannot do it"}; };
    CHECK(examine_within({"x", throwing}, 5s).what == "cannot do it");
    const auto dying = []() -> Finding {
        ::raise(SIGKILL);
        return {};
    };
    CHECK(examine_within({"x", dying}, 5s).what == "the check died");
    const auto hanging = []() -> Finding {
        for (;;) ::pause();
    };
    const Finding finding = examine_within({"x", hanging}, 1s);
    CHECK(finding.status == Status::failed);
    CHECK(finding.what == "no answer in time");
}

TEST_CASE("checks that hang do so at the same time (R12)") {
    const auto hanging = []() -> Finding {
        for (;;) ::pause();
    };
    const Check check{"x", hanging};
    std::vector<Examination> all;
    for (int i = 0; i < 4; ++i) all.emplace_back(check);
    const auto begin = std::chrono::steady_clock::now();
    for (Examination & one : all) CHECK(one.finish(begin + 500ms).status == Status::failed);
    CHECK(std::chrono::steady_clock::now() - begin < 2s);
}

TEST_CASE("without a configuration the doctor says so, and examines the rest") {
    std::string out;
    std::string err;
    CHECK(doctor_main({}, "/nonexistent/udiRoot.conf", out, err) == 1);
    CHECK_THAT(out, Catch::Contains("FAILED   configuration  cannot open \"/nonexistent/udiRoot.conf\""));
    CHECK_THAT(out, Catch::Contains(" squashfs "));
    CHECK(err.empty());
}

TEST_CASE("the doctor takes --json and --help, and tells how to run a command that is called doctor") {
    std::string out;
    std::string err;
    CHECK(doctor_main({"--help"}, "/nonexistent", out, err) == 0);
    CHECK_THAT(out, Catch::StartsWith("usage: shifter doctor"));
    CHECK(doctor_main({"--frob"}, "/nonexistent", out, err) == 1);
    CHECK(err == "shifter doctor: there is no option \"--frob\"; to run a command of an image that is called doctor, "
                 "write: shifter -- doctor\n");
    (void)doctor_main({"--json"}, "/nonexistent", out, err);
    CHECK_THAT(out, Catch::StartsWith("{\"status\": \"failed\", \"checks\": ["));
}

TEST_CASE("places and owners are compared with the configuration") {
    if (!shifter::test::is_root()) return; // trust needs files of root's
    const shifter::test::ScratchDirectory scratch;
    shifter::SiteConfig site;
    site.image_path = scratch.make_directory("images");
    site.udi_mount = scratch.path("udi");
    site.loop_mount = scratch.make_directory("loop");
    site.etc_path = scratch.make_directory("etc");
    CHECK(examine_image_path(site).status == Status::ok);
    CHECK(examine_images(site) == well("0 images"));
    CHECK(examine_mount_points(site).status == Status::ok); // udi is made by the first launch
    CHECK(examine_etc_path(site).what.find("passwd: No such file") != std::string::npos);
    site.populate_etc_dynamically = site.allow_libc_pwd_calls = true;
    CHECK(examine_etc_path(site).status == Status::ok);

    const std::string image = scratch.write("images/abc.squashfs", "hsqs");
    CHECK(examine_images(site).what == image + " has no record beside it, and cannot be run");
    (void)scratch.write("images/abc.meta", "");
    CHECK(examine_images(site) == well("1 image"));
    scratch.give("images/abc.squashfs", 12345);
    CHECK(examine_images(site).status == Status::failed);

    REQUIRE(::chmod(site.image_path.c_str(), 0777) == 0);
    const Finding finding = examine_image_path(site);
    CHECK(finding.status == Status::failed);
    CHECK(finding.advice == "as root: chmod go-w " + site.image_path);
    REQUIRE(::chmod(site.loop_mount.c_str(), 0777) == 0);
    CHECK(examine_mount_points(site).what.find("loopMount: ") == 0);
}

TEST_CASE("a gateway that is not there is told with the reason") {
    shifter::SiteConfig site;
    CHECK(examine_gateways(site).what == "imageGateway is not set, so images can only be run by their identifier");
    site.image_gateways = {"http://127.0.0.1:1"};
    CHECK(examine_gateways(site).what == "system is not set, so the gateway cannot be asked");
    site.system = "s";
    CHECK(examine_gateways(site).what == "http://127.0.0.1:1 cannot be reached: Connection refused");
}
