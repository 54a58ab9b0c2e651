// share, unshare, chown, rm, pin, unpin: what one does with images that are there.
#include "client/accounts.hpp"
#include "client/image_info.hpp"
#include "client/modes.hpp"

#include <ostream>

#include <nlohmann/json.hpp>

namespace shifter::client {
namespace {

using Json = nlohmann::json;

std::string post(const Command & command, const std::string & verb, const ImageRequest & image,
                 const std::string & body = {}, const std::string & query = {}) {
    GatewayClient client{command.site, command.around, command.options.platform};
    try {
        std::string answer = client.post(verb, image, body, {}, query);
        show_message(command, answer);
        return answer;
    } catch (const NoGateway & refusal) {
        show_refusal(command, refusal);
        throw;
    }
}

std::string readers_body(const Command & command) { return pull_body(command.options.users, command.options.groups); }

/** "status" of a route for admins: true, false for who is none, null for no such image. */
int conclude(const std::string & answer) {
    switch (parse_verdict(answer)) {
    case Verdict::done:
        return 0;
    case Verdict::not_admin:
        throw Failure{Cause::refused, "you are not one of this system's admins"};
    case Verdict::no_such_image:
        throw Failure{Cause::not_found, "there is no such image"};
    }
    return 1;
}

} // namespace

int share(const Command & command) {
    const ImageRequest image = named_image(command);
    if (command.options.users.empty() && command.options.groups.empty())
        throw UsageError{"share needs somebody to share with: --user LIST or --group LIST"};
    return within("cannot share " + image.to_string(), [&] {
        (void)post(command, "share", image, readers_body(command));
        return 0;
    });
}

int unshare(const Command & command) {
    const ImageRequest image = named_image(command);
    return within("cannot unshare " + image.to_string(), [&] {
        (void)post(command, "unshare", image, readers_body(command));
        return 0;
    });
}

int hand_over(const Command & command) {
    if (command.options.arguments.size() != 2) throw UsageError{"chown needs a user and an image: chown OWNER TAG"};
    const ImageRequest image = parse_image(command, command.options.arguments[1]);
    const auto owners = parse_users(command.options.arguments[0]);
    if (owners.size() != 1) throw UsageError{"chown takes one user, not " + std::to_string(owners.size())};
    return within("cannot hand over " + image.to_string(), [&] {
        (void)post(command, "chown", image, Json{{"owner", owners.front()}}.dump());
        return 0;
    });
}

int remove_tag(const Command & command) {
    const ImageRequest image = named_image(command);
    return within("cannot remove " + image.to_string(), [&] {
        const bool is_dry = command.options.dry_run;
        const auto answer = Json::parse(post(command, "remove", image, {}, is_dry ? "dry_run=1" : ""), nullptr, false);
        const std::string left = answer.is_object() ? answer.value("left", "") : "";
        const std::string is = is_dry ? " would be " : " is ";
        std::string end = ": the image" + is + "removed\n";
        if (left == "tag") end = ": your claim" + is + "given up; others still want the tag\n";
        if (left == "image") end = ": the tag" + is + "removed; other tags keep the image\n";
        if (!command.options.json) command.around.io.err << image.to_string() << end;
        return 0;
    });
}

int pin(const Command & command) {
    const ImageRequest image = named_image(command);
    return within("cannot pin " + image.to_string(), [&] { return conclude(post(command, "pin", image)); });
}

int unpin(const Command & command) {
    const ImageRequest image = named_image(command);
    return within("cannot unpin " + image.to_string(), [&] { return conclude(post(command, "unpin", image)); });
}

} // namespace shifter::client
