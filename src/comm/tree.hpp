// The binomial tree over (source, takers…) by which a delivery spreads.
//
// Place 0 is the source, place i the taker i − 1. The parent of a place has its lowest bit removed.
#pragma once

#include "autosampling/comm/transport.hpp"

#include <cstddef>
#include <optional>

namespace autosampling {

inline std::size_t places(const Delivery& delivery) {
    return delivery.takers.size() + 1;
}

inline int rank_at(const Delivery& delivery, std::size_t place) {
    return place == 0 ? delivery.source : delivery.takers[place - 1];
}

// Where a rank is in it; empty: it has no part in the delivery.
inline std::optional<std::size_t> place_of(const Delivery& delivery, int rank) {
    if (rank == delivery.source) return 0;
    for (std::size_t i = 0; i < delivery.takers.size(); ++i)
        if (delivery.takers[i] == rank) return i + 1;
    return std::nullopt;
}

} // namespace autosampling
