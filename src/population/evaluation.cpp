#include "autosampling/population/evaluation.hpp"

#include "autosampling/base/narrow.hpp"
#include "autosampling/base/random.hpp"
#include "autosampling/sampling/permutation.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <numeric>

namespace autosampling {

std::vector<std::uint32_t> reward_examples(std::uint64_t seed, std::int64_t cycle, std::uint8_t attempt,
                                           std::uint32_t images, std::uint32_t per_cycle) {
    std::vector<std::uint32_t> examples(per_cycle > 0 ? per_cycle : images);
    std::iota(examples.begin(), examples.end(), 0U);
    if (per_cycle == 0) return examples;
    const KeyedPermutation permutation({seed, Purpose::reward_subset, 0, narrow<std::uint32_t>(cycle), attempt},
                                       images);
    for (std::uint32_t& example : examples) example = permutation(example);
    return examples;
}

Score evaluate_together(const Communicator& comm, Trainer& trainer, HeldOut part,
                        std::span<const std::uint32_t> examples) {
    start_evaluation(comm, trainer, part, examples);
    return finish_evaluation(comm, trainer);
}

void start_evaluation(const Communicator& comm, Trainer& trainer, HeldOut part,
                      std::span<const std::uint32_t> examples) {
    trainer.start_evaluation(part, examples, to_size(comm.rank()), to_size(comm.size()));
}

Score finish_evaluation(const Communicator& comm, Trainer& trainer) {
    struct BatchScore {
        std::uint32_t number;
        std::int64_t images, correct, correct_top5;
        double loss_sum;
    };
    constexpr std::array whole_numbers{&Score::images_by_class, &Score::correct_by_class, &Score::loss_by_class};
    std::vector<BatchScore> mine;
    Score total(trainer.classes());
    auto number = narrow<std::uint32_t>(comm.rank());
    for (const Score& score : trainer.finish_evaluation()) {
        mine.push_back({number, score.images, score.correct, score.correct_top5, score.loss_sum});
        for (const auto by_class : whole_numbers)
            std::ranges::transform(total.*by_class, score.*by_class, (total.*by_class).begin(), std::plus{});
        number += narrow<std::uint32_t>(comm.size());
    }
    std::vector<BatchScore> all = comm.all_gather(std::span<const BatchScore>(mine));
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
    for (const auto by_class : whole_numbers) comm.sum(std::span(total.*by_class));
    for (const BatchScore& score : all) {
        total.images += score.images;
        total.correct += score.correct;
        total.correct_top5 += score.correct_top5;
        total.loss_sum += score.loss_sum;
    }
    return total;
}

double accuracy_of(const Score& score, std::int64_t correct, const Plan& plan) {
    return plan.targets > 0 ? std::numeric_limits<double>::quiet_NaN()
                            : static_cast<double>(correct) / static_cast<double>(score.images);
}

} // namespace autosampling
