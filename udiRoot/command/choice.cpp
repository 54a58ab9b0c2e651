#include "command/choice.hpp"

namespace shifter::command {

std::vector<std::string> choose_command(const RunRequest & request, const ImageRecord & image) {
    if (!request.entrypoint.given) return request.command;
    std::vector<std::string> words;
    const bool bare = !request.entrypoint.value || request.entrypoint.value->empty();
    if (bare && (!image.entrypoint || image.entrypoint->empty()))
        throw Error{"cannot use --entrypoint: the image has no entry point; name one with --entrypoint=COMMAND"};
    if (bare)
        words = *image.entrypoint;
    else
        words.push_back(*request.entrypoint.value);
    if (!request.command.empty())
        words.insert(words.end(), request.command.begin(), request.command.end());
    else if (bare && image.cmd)
        words.insert(words.end(), image.cmd->begin(), image.cmd->end());
    return words;
}

std::vector<std::string> wrappers_of(const std::vector<const Module *> & modules) {
    std::vector<std::string> words;
    for (const Module * const module : modules)
        if (!module->wrapper.empty()) words.push_back(module->wrapper);
    return words;
}

std::string choose_workdir(const RunRequest & request, const ImageRecord & image) {
    if (!request.workdir.given) return request.current_directory;
    if (request.workdir.value && !request.workdir.value->empty()) return *request.workdir.value;
    if (!image.workdir || image.workdir->empty())
        throw Error{"cannot use --workdir: the image has no working directory; name one with --workdir=PATH"};
    return *image.workdir;
}

} // namespace shifter::command
