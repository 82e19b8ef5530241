#include "autosampling/population/evaluation.hpp"

#include "autosampling/base/random.hpp"
#include "autosampling/sampling/permutation.hpp"

#include <algorithm>
#include <numeric>

namespace autosampling {

std::vector<std::uint32_t> reward_examples(std::uint64_t seed, std::int64_t cycle, int attempt, std::uint32_t images,
                                           std::uint32_t per_cycle) {
    std::vector<std::uint32_t> examples(per_cycle > 0 ? per_cycle : images);
    std::iota(examples.begin(), examples.end(), 0U);
    if (per_cycle == 0) return examples;
    const KeyedPermutation permutation(
        {seed, Purpose::reward_subset, 0, static_cast<std::uint32_t>(cycle), static_cast<std::uint8_t>(attempt)},
        images);
    for (std::uint32_t& example : examples) example = permutation(example);
    return examples;
}

Score evaluate_together(const Communicator& comm, Trainer& trainer, std::uint32_t images, std::size_t classes) {
    constexpr std::uint32_t piece = 8 * Trainer::evaluation_batch;
    struct PieceScore {
        std::uint32_t number;
        std::int64_t images, correct, correct_top5;
        double loss_sum;
    };
    std::vector<PieceScore> mine;
    std::vector<std::int64_t> by_class(classes, 0);
    std::vector<std::uint32_t> examples;
    for (std::uint32_t number = 0; number * piece < images; ++number) {
        if (static_cast<int>(number % static_cast<std::uint32_t>(comm.size())) != comm.rank()) continue;
        examples.resize(std::min(piece, images - number * piece));
        std::iota(examples.begin(), examples.end(), number * piece);
        const Score score = trainer.evaluate(Trainer::Which::test, examples);
        mine.push_back({number, score.images, score.correct, score.correct_top5, score.loss_sum});
        for (std::size_t c = 0; c < classes; ++c) by_class[c] += score.correct_by_class[c];
    }
    std::vector<PieceScore> all = comm.all_gather(std::span<const PieceScore>(mine));
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
    comm.sum(std::span(by_class));

    Score total;
    for (const PieceScore& score : all) {
        total.images += score.images;
        total.correct += score.correct;
        total.correct_top5 += score.correct_top5;
        total.loss_sum += score.loss_sum;
    }
    total.correct_by_class = std::move(by_class);
    return total;
}

} // namespace autosampling
