#include "catalog/known_images.hpp"

namespace shifter::catalog {
namespace {

/** About what it takes in memory: registries' configurations may be large. */
std::size_t bytes_of(const Image & image) {
    constexpr std::size_t of_a_text = 32;
    constexpr std::size_t of_a_layer = 200;
    std::size_t bytes = sizeof image + image.reference.size() + image.layers.size() * of_a_layer;
    const auto add = [&](const std::vector<std::string> & texts) {
        for (const std::string & text : texts) bytes += of_a_text + text.size();
    };
    for (const auto * texts : {&image.tags, &image.private_tags, &image.config.env, &image.config.volumes}) add(*texts);
    for (const auto * texts : {&image.config.entrypoint, &image.config.cmd})
        if (*texts) add(**texts);
    for (const auto & [name, value] : image.config.labels) bytes += 2 * of_a_text + name.size() + value.size();
    for (const LayerInfo & layer : image.layers) bytes += layer.created_by.size();
    for (const Grant & grant : image.grants)
        bytes += sizeof grant + (grant.readers.users.size() + grant.readers.groups.size()) * sizeof(uid_t);
    return bytes;
}

} // namespace

std::shared_ptr<const Image> KnownImages::find(std::int64_t mark, const ImageKey & key) {
    const std::lock_guard lock{mutex_};
    if (mark != mark_) {
        known_.clear();
        mark_ = mark;
    }
    const auto found = known_.find(key);
    return found == known_.end() ? nullptr : found->second;
}

void KnownImages::remember(std::int64_t mark, const ImageKey & key, std::shared_ptr<const Image> image) {
    if (bytes_of(*image) > most_bytes_of_one) return;
    const std::lock_guard lock{mutex_};
    if (mark != mark_) return;
    if (known_.size() >= most_images) known_.clear(); // they are a question away
    known_.insert_or_assign(key, std::move(image));
}

} // namespace shifter::catalog
