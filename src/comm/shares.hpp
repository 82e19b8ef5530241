// A state in equal shares, one for each rank, and the mean of parts of states.
//
// Letter: D state length.
#pragma once

#include "autosampling/base/narrow.hpp"

#include <cstddef>
#include <span>

namespace autosampling {

// Where the share of `rank` of `ranks` begins in a state of D values; for rank = ranks, where the last one ends.
inline std::size_t share_begin(std::size_t length, int rank, int ranks) {
    return length * to_size(rank) / to_size(ranks);
}

// That part of a state (D).
template<class T>
std::span<T> share_of(std::span<T> state, int rank, int ranks) {
    const std::size_t begin = share_begin(state.size(), rank, ranks);
    return state.subspan(begin, share_begin(state.size(), rank + 1, ranks) - begin);
}

// The mean, place by place, of parts of equal length, added up in their order: in double precision, so that equal parts
// have themselves as their mean.
void mean_of(std::span<const std::span<const float>> parts, std::span<float> result);

} // namespace autosampling
