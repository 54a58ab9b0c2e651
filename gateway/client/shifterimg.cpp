#include "client/shifterimg.hpp"

#include "base/installed_paths.hpp"
#include "client/format.hpp"
#include "client/modes.hpp"

#include <array>
#include <ostream>

namespace shifter::client {
namespace {

std::string get(const Command & command, const std::string & verb, const std::optional<ImageRequest> & image = {}) {
    GatewayClient client{command.site, command.around};
    try {
        std::string body = client.get(verb, image);
        show_message(command, body);
        return body;
    } catch (const NoGateway & refusal) {
        show_refusal(command, refusal);
        throw;
    }
}

int run(const Command & command) {
    switch (command.options.mode) {
    case Mode::images:
        return list_images(command);
    case Mode::lookup:
        return look_up(command);
    case Mode::inspect:
        return inspect(command);
    case Mode::pull:
        return pull(command);
    case Mode::pullnb:
        return pull_without_waiting(command);
    case Mode::login:
        return log_in(command);
    case Mode::logout:
        return log_out(command);
    case Mode::expire:
        return expire(command);
    case Mode::autoexpire:
        return expire_overdue(command);
    case Mode::queue:
        return list_queue(command);
    }
    return static_cast<int>(ExitStatus::failed);
}

} // namespace

ImageRequest named_image(const Command & command) {
    auto image = ImageRequest::parse(command.options.argument, command.site.default_image_type);
    if (!image)
        throw UsageError{"cannot use " + quoted(command.options.argument) + ": " + image.error().what +
                         "; give type and tag, as in docker:ubuntu:22.04"};
    return *std::move(image);
}

void show_message(const Command & command, const std::string & body) {
    if (command.options.verbose) command.around.io.out << "Message: " << body << '\n' << std::flush;
}

void show_refusal(const Command & command, const NoGateway & refusal) {
    if (!command.options.verbose || !refusal.answered()) return;
    command.around.io.out << "Got response: " << refusal.status() << "\nMessage: " << refusal.body() << '\n'
                          << std::flush;
}

int list_images(const Command & command) {
    command.around.io.out << image_lines(parse_image_list(get(command, "list")));
    return 0;
}

int look_up(const Command & command) {
    const ImageRequest image = named_image(command);
    return with_context("cannot find " + image.to_string(), [&] {
        const ImageInfo info = parse_image_info(get(command, "lookup", image));
        if (info.id == "MISSING") throw Error{"the gateway's record has no identifier"};
        command.around.io.out << info.id << '\n';
        return 0;
    });
}

int inspect(const Command & command) {
    const ImageRequest image = named_image(command);
    return with_context("cannot find " + image.to_string(), [&] {
        command.around.io.out << indented(get(command, "lookup", image)) << '\n';
        return 0;
    });
}

int list_queue(const Command & command) {
    for (const QueueEntry & entry : parse_queue(get(command, "queue"))) {
        std::string status = entry.status;
        if (status.size() < 12) status.append(12 - status.size(), ' ');
        command.around.io.out << status << ' ' << entry.image << '\n';
    }
    return 0;
}

int expire(const Command & command) {
    const ImageRequest image = named_image(command);
    return with_context("cannot expire " + image.to_string(), [&] {
        switch (parse_verdict(get(command, "expire", image))) {
        case Verdict::done:
            break;
        case Verdict::not_admin:
            throw Error{"you are not one of this system's admins"};
        case Verdict::no_such_image:
            throw Error{"there is no such image"};
        }
        return 0;
    });
}

int expire_overdue(const Command & command) {
    if (parse_verdict(get(command, "autoexpire")) != Verdict::done)
        throw Error{"cannot expire images: you are not one of this system's admins"};
    return 0;
}

int shifterimg_main(std::span<char * const> args, Surroundings & around) {
    std::ostream & err = around.io.err;
    const auto failed = static_cast<int>(ExitStatus::failed);
    try {
        const Options options = parse_options(args);
        if (options.print != nullptr) {
            if (options.print == version_text)
                around.io.out << version_text << ' ' << installed::version << '\n';
            else
                around.io.out << options.print;
            return static_cast<int>(ExitStatus::success);
        }
        const SiteConfig site = around.site();
        const int status = run({.options = options, .site = site, .around = around});
        if (!around.io.out.flush()) throw Error{"cannot write to standard output"};
        return status;
    } catch (const UsageError & error) {
        const std::string_view usage = usage_text;
        err << "shifterimg: " << error.what() << '\n'
            << usage.substr(0, usage.find('\n')) << "; see shifterimg --help\n";
        return failed;
    } catch (const std::exception & error) {
        err << "shifterimg: " << error.what() << '\n';
        return failed;
    }
}

} // namespace shifter::client
