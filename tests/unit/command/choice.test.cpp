#include "command/choice.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using Words = std::vector<std::string>;

namespace {

ImageRecord image_with(std::optional<Words> entrypoint, std::optional<Words> cmd) {
    ImageRecord image;
    image.entrypoint = std::move(entrypoint);
    image.cmd = std::move(cmd);
    return image;
}

RunRequest request_with(const OptionalChoice & entrypoint, const Words & words) {
    RunRequest request{.image = *ImageId::parse("0")};
    request.entrypoint = entrypoint;
    request.command = words;
    return request;
}

} // namespace

TEST_CASE("what is executed follows the table of contract 1.4") {
    const Words entry = {"echo", "howdy"};
    const Words cmd = {"guys"};
    const OptionalChoice none;
    const OptionalChoice bare{true, std::nullopt};
    const OptionalChoice given{true, "/bin/x y"};
    const auto [choice, words, executed] = GENERATE_COPY(table<OptionalChoice, Words, Words>({
        {none, {"a", "b"}, {"a", "b"}},
        {none, {}, {}}, // a shell; the image's CMD is not used
        {bare, {}, {"echo", "howdy", "guys"}},
        {bare, {"you"}, {"echo", "howdy", "you"}},
        {given, {}, {"/bin/x y"}},
        {given, {"you"}, {"/bin/x y", "you"}},
        {{true, ""}, {"you"}, {"echo", "howdy", "you"}},
    }));
    CHECK(command::choose_command(request_with(choice, words), image_with(entry, cmd)) == executed);
}

TEST_CASE("the option --entrypoint without a value is refused when the image has no entry point") {
    CHECK_THROWS_WITH(
        command::choose_command(request_with({true, std::nullopt}, {"a"}), image_with(std::nullopt, Words{"c"})),
        "cannot use --entrypoint: the image has no entry point; name one with --entrypoint=COMMAND");
}

TEST_CASE("the working directory follows contract 1.5") {
    RunRequest request = request_with({}, {});
    request.current_directory = "/home/me";
    ImageRecord image;
    image.workdir = "/srv";
    CHECK(command::choose_workdir(request, image) == "/home/me");
    request.workdir = {true, "/p"};
    CHECK(command::choose_workdir(request, image) == "/p");
    request.workdir = {true, std::nullopt};
    CHECK(command::choose_workdir(request, image) == "/srv");
    image.workdir.reset();
    CHECK_THROWS_WITH(command::choose_workdir(request, image),
                      "cannot use --workdir: the image has no working directory; name one with --workdir=PATH");
}
