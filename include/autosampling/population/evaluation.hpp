// Which reward images a cycle looks at, and a state measured by several ranks together.
#pragma once

#include "autosampling/comm/communicator.hpp"
#include "autosampling/population/plan.hpp"
#include "autosampling/training/trainer.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace autosampling {

// Places in the reward part: all of 0 … images−1, or `per_cycle` > 0 of them, drawn anew every cycle, the same for all
// members, so that rewards stay paired.
std::vector<std::uint32_t> reward_examples(std::uint64_t seed, std::int64_t cycle, std::uint8_t attempt,
                                           std::uint32_t images, std::uint32_t per_cycle);

// These held-out examples under the state that every rank has loaded: each batch by one of them, the sums added in the
// order of the batches, so that they don't depend on the number of ranks. The whole score on every rank. Collective.
Score evaluate_together(const Communicator& comm, Trainer& trainer, HeldOut part,
                        std::span<const std::uint32_t> examples);
// The same in two calls, of which the first is local and on a GPU returns while the device works.
void start_evaluation(const Communicator& comm, Trainer& trainer, HeldOut part,
                      std::span<const std::uint32_t> examples);
Score finish_evaluation(const Communicator& comm, Trainer& trainer);

// The share of the images that is `correct`, score.correct or correct_top5; NaN in a regression.
double accuracy_of(const Score& score, std::int64_t correct, const Plan& plan);

} // namespace autosampling
