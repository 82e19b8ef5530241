// Whole numbers of one type as another.
#pragma once

#include "autosampling/base/error.hpp"

#include <concepts>
#include <cstddef>
#include <utility>

namespace autosampling {

// `number` as a type that can hold it.
template<std::integral To, std::integral From>
constexpr To narrow(From number) {
    EXPECT(std::in_range<To>(number));
    return static_cast<To>(number);
}

// As a length, or a place in an array.
constexpr std::size_t to_size(std::integral auto number) {
    return narrow<std::size_t>(number);
}

} // namespace autosampling
