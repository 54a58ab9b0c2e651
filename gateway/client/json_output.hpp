/**
 * @file
 * What shifterimg --json prints: one document a command. The schema is in shifterimg(1); members are added to it, and
 * never change their meaning.
 */
#pragma once

#include "client/failure.hpp"
#include "client/image_info.hpp"
#include "client/layer_tree.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace shifter::client::json {

/** {"images":[image,…]} */
[[nodiscard]] std::string images(const std::vector<ImageInfo> & images);
/** {"image":image} */
[[nodiscard]] std::string image(const ImageInfo & image);
/** {"image":image,"record":…}: with all that the gateway answered */
[[nodiscard]] std::string inspected(const ImageInfo & image, const std::string & body);
/** {"queue":[…]} */
[[nodiscard]] std::string queue(const std::vector<QueueEntry> & entries);
/** {"image":name,"layers":[layer,…]} */
[[nodiscard]] std::string history(const std::string & name, const std::vector<LayerLine> & layers);
/** {"tree":[node,…]} */
[[nodiscard]] std::string tree(const std::vector<TreeNode> & roots);

/** How a pull went. */
struct PullEnd {
    std::string image; ///< as it was asked for, with its type
    ImageInfo info;
    std::string error = {}; ///< the sentence; empty: it is READY, or under way
    Cause cause = Cause::failed;
};
/** {"pulls":[…]} */
[[nodiscard]] std::string pulls(const std::vector<PullEnd> & ends);

/** {"done":mode,"argument":…}, for a command that has nothing else to tell. */
[[nodiscard]] std::string done(std::string_view mode, const std::string & argument);
[[nodiscard]] std::string removed(const std::vector<std::string> & ids);
/** {"error":{"cause":…,"status":…,"message":…}} */
[[nodiscard]] std::string error(Cause cause, std::string_view sentence);

} // namespace shifter::client::json
