#include "client/shifterimg.hpp"

#include "base/installed_paths.hpp"
#include "client/json_output.hpp"
#include "client/modes.hpp"

#include <ostream>

namespace shifter::client {
namespace {

int run(const Command & command) {
    switch (command.options.mode) {
    case Mode::images:
        return list_images(command);
    case Mode::lookup:
        return look_up(command);
    case Mode::inspect:
        return inspect(command);
    case Mode::history:
        return show_history(command);
    case Mode::tree:
        return show_tree(command);
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
    case Mode::share:
        return share(command);
    case Mode::unshare:
        return unshare(command);
    case Mode::chown:
        return hand_over(command);
    case Mode::rm:
        return remove_tag(command);
    case Mode::pin:
        return pin(command);
    case Mode::unpin:
        return unpin(command);
    case Mode::load:
        return load(command);
    case Mode::import:
        return import(command);
    }
    return static_cast<int>(ExitStatus::failed);
}

/** Contract 9.3 knows 0 and 1; --json is ours, and there each cause has its status. A Ctrl-C is one everywhere. */
int exit_status(Cause cause, bool wants_json) {
    if (wants_json || cause == Cause::interrupted) return facts_of(cause).status;
    return static_cast<int>(ExitStatus::failed);
}

int run_to_end(const Options & options, Surroundings & around) {
    const SiteConfig site = around.site();
    const Command command{.options = options, .site = site, .around = around};
    const int status = run(command);
    if (options.json && !command.has_answered) show_json(command, json::done(name_of(options.mode), options.argument));
    if (!around.io.out.flush()) throw Error{"cannot write to standard output"};
    return status;
}

/** Whether a command that could not be parsed would have liked its answer in JSON. */
bool asks_for_json(std::span<char * const> args) {
    for (const char * word : args)
        if (std::string_view{word} == "--json") return true;
    return false;
}

} // namespace

ImageRequest parse_image(const Command & command, const std::string & text) {
    auto image = ImageRequest::parse(text, command.site.default_image_type);
    if (!image)
        throw UsageError{"cannot use " + quoted(text) + ": " + image.error().what +
                         "; give type and tag, as in docker:ubuntu:22.04"};
    return *std::move(image);
}

ImageRequest named_image(const Command & command) { return parse_image(command, command.options.argument); }

std::string get(const Command & command, const std::string & verb, const std::optional<ImageRequest> & image,
                const std::string & query) {
    GatewayClient client{command.site, command.around, command.options.platform};
    try {
        std::string body = client.get(verb, image, query);
        show_message(command, body);
        return body;
    } catch (const NoGateway & refusal) {
        show_refusal(command, refusal);
        throw;
    }
}

void show_json(const Command & command, const std::string & document) {
    command.around.io.out << document;
    command.has_answered = true;
}

void show_message(const Command & command, const std::string & body) {
    if (command.options.verbose && !command.options.json)
        command.around.io.out << "Message: " << body << '\n' << std::flush;
}

void show_refusal(const Command & command, const NoGateway & refusal) {
    if (!command.options.verbose || command.options.json || !refusal.answered()) return;
    command.around.io.out << "Got response: " << refusal.status() << "\nMessage: " << refusal.body() << '\n'
                          << std::flush;
}

int shifterimg_main(std::span<char * const> args, Surroundings & around) {
    bool wants_json = asks_for_json(args);
    const auto fail = [&](const std::exception & error) {
        const Cause cause = cause_of(error);
        around.io.err << "shifterimg: " << error.what() << '\n';
        if (wants_json) around.io.out << json::error(cause, error.what()) << std::flush;
        return exit_status(cause, wants_json);
    };
    try {
        const Options options = parse_options(args);
        wants_json = options.json;
        if (options.print != nullptr) {
            if (options.print == version_text)
                around.io.out << version_text << ' ' << installed::version << '\n';
            else
                around.io.out << options.print;
            return static_cast<int>(ExitStatus::success);
        }
        return run_to_end(options, around);
    } catch (const UsageError & error) {
        const int status = fail(error);
        const std::string_view usage = usage_text;
        around.io.err << usage.substr(0, usage.find('\n')) << "; see shifterimg --help\n";
        return status;
    } catch (const std::exception & error) {
        return fail(error);
    }
}

} // namespace shifter::client
