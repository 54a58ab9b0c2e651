// images, lookup, inspect, history, tree, queue, expire: what a gateway knows, in words or as JSON.
#include "base/log.hpp"
#include "client/format.hpp"
#include "client/json_output.hpp"
#include "client/modes.hpp"

#include <algorithm>
#include <ostream>

namespace shifter::client {
namespace {

/** All images that the caller may see, page by page: what the gateway holds at a time does not grow with them. */
std::vector<ImageInfo> all_images(const Command & command, const std::string & more = {}) {
    std::vector<ImageInfo> images;
    std::string after;
    do {
        std::string query = "limit=1000" + more;
        if (!after.empty()) query += "&after=" + percent_encode(after);
        ImagePage page = parse_image_page(get(command, "list", {}, query));
        std::move(page.images.begin(), page.images.end(), std::back_inserter(images));
        if (page.next == after) break; // a gateway that does not know pages has sent everything
        after = page.next;
    } while (!after.empty());
    return images;
}

/** Only images and tags that the command's pattern means, as "ubuntu:22.04" or "docker:ubuntu:22.04". */
std::vector<ImageInfo> matching(const Command & command, std::vector<ImageInfo> images) {
    const std::string & pattern = command.options.argument;
    if (pattern.empty()) return images;
    for (ImageInfo & image : images) {
        const auto is_other = [&](const std::string & tag) {
            return !matches(pattern, tag) && !matches(pattern, image.type + ":" + tag);
        };
        image.tags.erase(std::remove_if(image.tags.begin(), image.tags.end(), is_other), image.tags.end());
    }
    images.erase(
        std::remove_if(images.begin(), images.end(), [](const ImageInfo & image) { return image.tags.empty(); }),
        images.end());
    return images;
}

std::string looked_up(const Command & command, const ImageRequest & image, const std::string & query = {}) {
    return get(command, "lookup", image, query);
}

} // namespace

int list_images(const Command & command) {
    const auto images =
        matching(command, command.options.mine ? parse_image_list(get(command, "mine")) : all_images(command));
    std::ostream & out = command.around.io.out;
    if (command.options.json)
        show_json(command, json::images(images));
    else if (command.options.long_lines)
        out << long_image_lines(images, command.around.user_name, !command.options.platform.empty());
    else
        out << image_lines(images);
    return 0;
}

int look_up(const Command & command) {
    const ImageRequest image = named_image(command);
    return within("cannot find " + image.to_string(), [&] {
        const bool all = command.options.all_platforms;
        const ImageInfo info = parse_image_info(looked_up(command, image, all ? "platforms=1" : ""));
        if (info.id == "MISSING") throw Error{"the gateway's record has no identifier"};
        if (command.options.json)
            show_json(command, json::image(info));
        else
            command.around.io.out << info.id << '\n';
        if (!command.options.json)
            for (const auto & [platform, id] : info.platforms) command.around.io.out << platform << ": " << id << '\n';
        return 0;
    });
}

int inspect(const Command & command) {
    const ImageRequest image = named_image(command);
    return within("cannot find " + image.to_string(), [&] {
        const std::string body = looked_up(command, image, "layers=1");
        if (command.options.json)
            show_json(command, json::inspected(parse_image_info(body), body));
        else
            command.around.io.out << indented(body) << '\n';
        return 0;
    });
}

int show_history(const Command & command) {
    const ImageRequest image = named_image(command);
    return within("cannot find " + image.to_string(), [&] {
        const ImageInfo info = parse_image_info(looked_up(command, image, "layers=1"));
        if (command.options.json) {
            show_json(command, json::history(image.to_string(), info.layers));
            return 0;
        }
        // The uppermost first, as people know it from other tools.
        for (auto layer = info.layers.rbegin(); layer != info.layers.rend(); ++layer) {
            std::string size = human_size(layer->size_bytes);
            if (size.size() < 10) size.append(10 - size.size(), ' ');
            command.around.io.out << size << ' ' << layer->digest;
            if (!layer->created_by.empty()) command.around.io.out << "  " << log::one_line(layer->created_by);
            command.around.io.out << '\n';
        }
        return 0;
    });
}

int show_tree(const Command & command) {
    auto images = matching(command, all_images(command, "&layers=1"));
    std::sort(images.begin(), images.end(), [](const ImageInfo & a, const ImageInfo & b) { return a.tags < b.tags; });
    const auto tree = layer_tree(images);
    if (command.options.json)
        show_json(command, json::tree(tree));
    else
        command.around.io.out << (command.options.dot ? tree_for_dot(tree) : tree_lines(tree));
    return 0;
}

int list_queue(const Command & command) {
    const auto entries = parse_queue(get(command, "queue"));
    if (command.options.json) {
        show_json(command, json::queue(entries));
        return 0;
    }
    for (const QueueEntry & entry : entries) {
        std::string status = entry.status;
        if (status.size() < 12) status.append(12 - status.size(), ' ');
        const std::string platform = entry.platform.empty() ? "" : " (" + entry.platform + ")";
        command.around.io.out << status << ' ' << entry.image << platform
                              << progress_words(entry.bytes_done, entry.bytes_total, 0) << '\n';
    }
    return 0;
}

int expire(const Command & command) {
    const ImageRequest image = named_image(command);
    return within("cannot expire " + image.to_string(), [&] {
        switch (parse_verdict(get(command, "expire", image, command.options.dry_run ? "dry_run=1" : ""))) {
        case Verdict::done:
            break;
        case Verdict::not_admin:
            throw Failure{Cause::refused, "you are not one of this system's admins"};
        case Verdict::no_such_image:
            throw Failure{Cause::not_found, "there is no such image"};
        }
        return 0;
    });
}

int expire_overdue(const Command & command) {
    const std::string body = get(command, "autoexpire", {}, command.options.dry_run ? "dry_run=1" : "");
    if (parse_verdict(body) != Verdict::done)
        throw Failure{Cause::refused, "cannot expire images: you are not one of this system's admins"};
    if (command.options.json)
        show_json(command, json::removed(parse_removed(body)));
    else if (command.options.dry_run)
        for (const std::string & id : parse_removed(body)) command.around.io.out << id << '\n';
    return 0;
}

} // namespace shifter::client
