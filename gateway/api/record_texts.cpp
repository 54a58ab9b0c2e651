#include "api/record_texts.hpp"

namespace shifter::api {

std::string RecordTexts::of(const catalog::SharedImage & image, const RecordParts & parts) {
    // It will not come again; or it is told what hardly anybody asks for.
    if (image.use_count() == 1 || !parts.platforms.empty()) return image_record(*image, parts);
    const Key key{image.get(), parts.owner, parts.layers};
    {
        const std::lock_guard lock{mutex_};
        const auto found = known_.find(key);
        if (found != known_.end() && found->second.image.lock() == image) return found->second.text;
    }
    std::string text = image_record(*image, parts);
    if (text.size() > most_bytes_of_one) return text;
    const std::lock_guard lock{mutex_};
    if (known_.size() >= most_texts) known_.clear();
    known_.insert_or_assign(key, Known{image, text});
    return text;
}

} // namespace shifter::api
