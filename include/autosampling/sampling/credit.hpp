// What a cycle's rewards say about the indices that were drawn in it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace autosampling {

// Advantage credit: for each member z = (r − mean r) / sd r over the finite members (population standard deviation), in
// units of 2^-16, rounded to the nearest; 0 for the others, and for all when fewer than two are finite or sd is 0.
// reward (P), finite (P) -> (P)
std::vector<std::int32_t> advantage(std::span<const double> reward, std::span<const std::uint8_t> finite);

// The score of an index: credit · 2^-16 / √draws; 0 without a draw. About standard normal for an index that changes
// nothing.
double score(std::int64_t credit, std::uint32_t draws);

// Scores as levels: β · score in steps of 3/31 from −3 to 3, level 32 at 0, so that an index that was never drawn has
// the weight 1 exactly.
constexpr std::uint32_t score_levels = 64;
constexpr std::uint32_t neutral_level = 32;
std::uint32_t score_level(double scaled_score);
// The β · score that a level stands for.
double scaled_score_of(std::uint32_t level);

} // namespace autosampling
