/**
 * @file
 * What the modes of shifterimg do, one function each. Each returns an exit status, or throws Error.
 */
#pragma once

#include "client/gateway_client.hpp"
#include "client/options.hpp"

namespace shifter::client {

/** What a mode works with. */
struct Command {
    const Options & options;
    const SiteConfig & site;
    Surroundings & around;
    mutable bool has_answered = false; ///< a document of --json was printed
};

/** One document of --json, the whole answer of a command. */
void show_json(const Command & command, const std::string & document);

/** The image that the command names, by the site's default type. @throws UsageError */
[[nodiscard]] ImageRequest named_image(const Command & command);
/** One of several images of the command. @throws UsageError */
[[nodiscard]] ImageRequest parse_image(const Command & command, const std::string & text);

int list_images(const Command & command);
int look_up(const Command & command);
int inspect(const Command & command);
int list_queue(const Command & command);
int show_history(const Command & command);
int show_tree(const Command & command);
int expire(const Command & command);
int expire_overdue(const Command & command);
/** pull_mode.cpp: `pull` waits and shows; `pullnb` asks once. */
int pull(const Command & command);
int pull_without_waiting(const Command & command);
/** share_mode.cpp: what one does with images that are there */
int share(const Command & command);
int unshare(const Command & command);
int hand_over(const Command & command);
int remove_tag(const Command & command);
int pin(const Command & command);
int unpin(const Command & command);
/** load_mode.cpp */
int load(const Command & command);
int import(const Command & command);
/** login_mode.cpp */
int log_in(const Command & command);
int log_out(const Command & command);

/** Asks the gateway, and shows what it says in verbose mode. @throws NoGateway */
[[nodiscard]] std::string get(const Command & command, const std::string & verb,
                              const std::optional<ImageRequest> & image = {}, const std::string & query = {});

/** "Message: <body>", when the person wants to see what the gateway says (contract 9.3). */
void show_message(const Command & command, const std::string & body);
/** The two lines of a refusal, in verbose mode. */
void show_refusal(const Command & command, const NoGateway & refusal);

} // namespace shifter::client
