/**
 * @file
 * What is wrong with a layer, as the rest of a sentence that begins with its name. It does not leave this folder:
 * LayerReader and TreeMerger make an Error of it, and let the failures of a layer's source pass as they are.
 */
#pragma once

#include "base/error.hpp"

namespace shifter::layers {

class BadLayer : public Error {
public:
    using Error::Error;
};

} // namespace shifter::layers
