/**
 * @file
 * Words as execve(2) takes them.
 */
#pragma once

#include <string>
#include <vector>

namespace shifter {

/** Pointers to the memory of `words`, which must stay as they are, and a null behind the last. */
[[nodiscard]] inline std::vector<char *> argv_of(std::vector<std::string> & words) {
    std::vector<char *> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string & word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    return pointers;
}

} // namespace shifter
