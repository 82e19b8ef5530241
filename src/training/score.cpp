#include "autosampling/training/score.hpp"

#include "autosampling/base/narrow.hpp"
#include "batch_score.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

namespace autosampling {
namespace {

// How many classes are ahead of `label` by their logits: a tie is won by the lower class, and nothing is ahead by NaN,
// nor a NaN ahead of anything.
std::int64_t classes_ahead(std::span<const float> logits, std::size_t label) {
    const float own = logits[label];
    std::int64_t ahead = 0;
    for (std::size_t c = 0; c < logits.size(); ++c) {
        if (c != label) ahead += !(logits[c] < own || (logits[c] == own && c > label));
    }
    return ahead;
}

constexpr double greatest_loss = 1e4; // of an image as it counts by class, where it isn't finite, too

} // namespace

void Score::add(const Score& other) {
    const auto add_to = [](std::vector<std::int64_t>& sums, const std::vector<std::int64_t>& more) {
        std::ranges::transform(sums, more, sums.begin(), std::plus{});
    };
    images += other.images;
    correct += other.correct;
    correct_top5 += other.correct_top5;
    loss_sum += other.loss_sum;
    add_to(images_by_class, other.images_by_class);
    add_to(correct_by_class, other.correct_by_class);
    add_to(loss_by_class, other.loss_by_class);
}

Score score_of(const at::Tensor& outputs, const at::Tensor& losses, const at::Tensor& wanted, std::size_t classes) {
    const bool regression = wanted.is_floating_point();
    const at::Tensor rows = outputs.contiguous();
    Score score(classes);
    for (std::int64_t i = 0; i < outputs.size(0); ++i) {
        const auto label = regression ? 0 : to_size(wanted.data_ptr<std::int64_t>()[i]);
        const auto loss = static_cast<double>(losses.data_ptr<float>()[i]);
        score.loss_sum += loss;
        score.loss_by_class[label] += std::llround((loss < greatest_loss ? loss : greatest_loss) / Score::loss_unit);
        ++score.images_by_class[label];
        if (regression) continue;
        const std::span<const float> row(rows.data_ptr<float>() + i * rows.size(1), classes);
        const std::int64_t ahead = classes_ahead(row, label);
        score.correct += ahead == 0;
        score.correct_by_class[label] += ahead == 0;
        score.correct_top5 += classes > 5 && ahead < 5;
    }
    score.images = outputs.size(0);
    return score;
}

} // namespace autosampling
