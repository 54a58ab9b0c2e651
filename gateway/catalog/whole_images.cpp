#include "catalog/whole_images.hpp"

namespace shifter::catalog {

bool WholeImages::is_whole(const ImageStorage & storage, const ImageId & id) {
    const std::pair<std::string, std::string> key{storage.directory, id.to_string()};
    {
        const std::lock_guard lock{mutex_};
        const auto found = seen_.find(key);
        if (found != seen_.end() && Clock::now() - found->second < believed_) return true;
    }
    const bool is_whole = Publisher{storage}.is_whole(id);
    const std::lock_guard lock{mutex_};
    if (seen_.size() >= most) seen_.clear();
    if (is_whole)
        seen_[key] = Clock::now();
    else
        seen_.erase(key);
    return is_whole;
}

} // namespace shifter::catalog
