// A state in equal shares, one for each rank, or in pieces, one for each message; and the mean of parts of states.
//
// Letter: D state length.
#pragma once

#include "autosampling/base/narrow.hpp"

#include <algorithm>
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

// How many pieces of up to `most` values so many are sent in.
inline std::size_t pieces_of(std::size_t length, std::size_t most) {
    return (length + most - 1) / most;
}

// One of them; empty beyond the last.
template<class T>
std::span<T> piece_of(std::span<T> values, std::size_t number, std::size_t most) {
    const std::size_t begin = std::min(number * most, values.size());
    return values.subspan(begin, std::min(most, values.size() - begin));
}

// The mean, place by place, of parts of equal length, added up in their order: in double precision, so that equal parts
// have themselves as their mean.
void mean_of(std::span<const std::span<const float>> parts, std::span<float> result);

} // namespace autosampling
