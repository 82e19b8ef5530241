// Typed look-up in saved arrays.
#pragma once

#include "autosampling/base/error.hpp"
#include "autosampling/base/named_arrays.hpp"

#include <optional>
#include <string>
#include <vector>

namespace autosampling {

// The array of this name, element type and, where given, length. Throws Error(checkpoint).
template<class T>
const std::vector<T>& array(const NamedArrays& arrays, const std::string& name,
                            std::optional<std::size_t> length = std::nullopt) {
    const auto found = arrays.find(name);
    VALIDATE(found != arrays.end(), ExitCode::checkpoint, "the checkpoint has no array '", name,
             "' (written by another version?)");
    const auto* values = std::get_if<std::vector<T>>(&found->second);
    VALIDATE(values, ExitCode::checkpoint, "array '", name, "' of the checkpoint has another element type");
    VALIDATE(!length || values->size() == *length, ExitCode::checkpoint, "array '", name, "' of the checkpoint has ",
             values->size(), " elements, not ", length.value_or(0));
    return *values;
}

} // namespace autosampling
