#include "plan/user_namespace.hpp"

namespace shifter {
namespace {

[[noreturn]] void refuse(const std::string & what) {
    throw Error{what + ": that needs root, and shifter is not installed set-id root here"};
}

} // namespace

void adapt_to_user_namespace(MountPlan & plan) {
    for (Step & step : plan.steps) {
        if (auto * const image = std::get_if<MountImage>(&step)) {
            image->how = ImageMount::fuse;
        } else if (auto * const bind = std::get_if<BindHost>(&step)) {
            bind->recursive = true;
        } else if (const auto * const etc = std::get_if<MergeEtc>(&step); etc != nullptr && !etc->writable) {
            step = MergeImage{ContainerPath::parse("/etc").value_or_throw("a path")};
        } else if (const auto * const hook = std::get_if<RunHook>(&step)) {
            refuse("cannot run the site's hook " + hook->key);
        } else if (const auto * const cache = std::get_if<MountCache>(&step)) {
            refuse("cannot make the perNodeCache at " + cache->volume.to.to_string());
        }
    }
    plan.in_user_namespace = true;
}

} // namespace shifter
