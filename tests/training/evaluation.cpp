#include "images.hpp"

#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>
#include <torch/nn/functional/loss.h>

#include <algorithm>
#include <cmath>

namespace autosampling {
namespace {

// A trained network, so that its statistics are not the initial ones.
struct Case {
    Images images;
    Trainer trainer;

    explicit Case(const std::string& network, DataOptions data = Images::small())
        : images(data), trainer(trainer_options(network, 32), images.dataset, images.split) {
        trainer.train({drawn_indices(640, images.split.training.source.size(), 0), 0, {}});
    }
};

// Logits of the state's network in evaluation mode, without folding: batch norm on its own.
at::Tensor plain_convnet(const FlatState& state, const at::Tensor& images) {
    const auto get = [&](const std::string& name) {
        return view_of(*std::ranges::find(state.layout(), name, &StateTensor::name), state.buffer());
    };
    at::Tensor x = images;
    for (const std::string layer : {"1", "2"}) {
        x = at::conv2d(x, get("conv" + layer + ".weight"), {}, 1, 1);
        const std::string norm = "bn" + layer + ".";
        x = at::batch_norm(x, get(norm + "weight"), get(norm + "bias"), get(norm + "running_mean"),
                           get(norm + "running_var"), false, 0.1, 1e-5, false);
        x = at::max_pool2d(at::relu(x), 2);
    }
    return at::linear(x.flatten(1), get("fc.weight"), get("fc.bias"));
}

TEST(Evaluation, equals_plain_pytorch) {
    Case c("convnet");
    const auto examples = first_indices(c.images.dataset.test.labels.size()); // 120: a batch of 64 and one of 56
    ASSERT_NE(examples.size() % Trainer::evaluation_batch, 0U);
    const auto shape = c.images.dataset.facts.shape;
    auto x = at::empty({static_cast<std::int64_t>(examples.size()), shape.height(), shape.width(), shape.channels()});
    std::ranges::copy(c.images.dataset.test.bytes, x.data_ptr<float>());
    x = (x / 255 - at::tensor(at::ArrayRef(c.images.dataset.facts.mean), at::kFloat)) /
        at::tensor(at::ArrayRef(c.images.dataset.facts.std), at::kFloat);
    const at::Tensor logits = plain_convnet(c.trainer.state(), x.permute({0, 3, 1, 2}));
    std::vector<std::int64_t> label(c.images.split.test.label.begin(), c.images.split.test.label.end());
    const at::Tensor labels = at::tensor(at::ArrayRef(label));

    const Score score = c.trainer.evaluate(HeldOut::test, examples);
    const at::Tensor right = logits.argmax(1).eq(labels);
    EXPECT_EQ(score.images, static_cast<std::int64_t>(examples.size()));
    EXPECT_EQ(score.correct, right.sum().item<std::int64_t>());
    EXPECT_GT(score.correct, 0);
    EXPECT_EQ(score.correct_top5, std::get<1>(logits.topk(5, 1)).eq(labels.unsqueeze(1)).sum().item<std::int64_t>());
    for (std::int64_t c10 = 0; c10 < 10; ++c10) {
        EXPECT_EQ(score.correct_by_class[static_cast<std::size_t>(c10)],
                  (right & labels.eq(c10)).sum().item<std::int64_t>());
    }
    const double loss = torch::nn::functional::cross_entropy(logits, labels).item<double>();
    EXPECT_NEAR(score.loss_sum / static_cast<double>(score.images), loss, 1e-5 * loss);
}

TEST(Evaluation, leaves_the_state_as_it_is) {
    Case c("resnet8");
    const auto before = state_of(c.trainer);
    c.trainer.evaluate(HeldOut::reward, first_indices(60));
    c.trainer.evaluate(HeldOut::test, first_indices(120));
    EXPECT_EQ(state_of(c.trainer), before);
}

TEST(Evaluation, is_of_the_state_that_there_is) {
    Case c("resnet8");
    const auto loss = [&] { return c.trainer.evaluate(HeldOut::test, first_indices(120)).loss_sum; };
    const State before = c.trainer.copy_state();
    const double first = loss();
    c.trainer.train({drawn_indices(64, c.images.split.training.source.size(), 1), 0, {}});
    const double second = loss();
    EXPECT_NE(second, first);
    c.trainer.load(before);
    EXPECT_EQ(loss(), first);
}

TEST(Evaluation, nan_in_a_single_weight_is_not_lost) {
    Case c("resnet8"), other("resnet8"); // both have just been trained, and found finite
    const auto loss = [](Case& of) { return of.trainer.evaluate(HeldOut::test, first_indices(120)).loss_sum; };
    c.trainer.state().host()[0] = std::nanf(""); // of the first convolution, a ReLU after it
    EXPECT_TRUE(std::isnan(loss(c)));
    other.trainer.load(c.trainer.copy_state());
    EXPECT_TRUE(std::isnan(loss(other)));
}

TEST(Evaluation, adds_up_over_whole_batches) {
    Case c("resnet8");
    const auto all = first_indices(120);
    const Score whole = c.trainer.evaluate(HeldOut::test, all);
    const Score head = c.trainer.evaluate(HeldOut::test, std::span(all).first(64));
    const Score tail = c.trainer.evaluate(HeldOut::test, std::span(all).last(56));
    EXPECT_EQ(whole.correct, head.correct + tail.correct);
    EXPECT_NEAR(whole.loss_sum, head.loss_sum + tail.loss_sum, 1e-12 * whole.loss_sum);
}

// Twenty batches and a part of one: more than are looked at together.
TEST(Evaluation, a_batch_has_its_score_whichever_others_are_evaluated) {
    Case c("resnet8");
    std::vector<std::uint32_t> examples = drawn_indices(20 * Trainer::evaluation_batch + 5, 120, 1);
    const std::vector<Score> all = c.trainer.evaluate(HeldOut::test, examples, 0, 1);
    ASSERT_EQ(all.size(), 21U);
    EXPECT_EQ(all.back().images, 5);
    for (std::size_t first = 0; first < 3; ++first) {
        const std::vector<Score> some = c.trainer.evaluate(HeldOut::test, examples, first, 3);
        ASSERT_EQ(some.size(), 7U);
        for (std::size_t i = 0; i < some.size(); ++i) {
            const Score& expected = all[first + 3 * i];
            EXPECT_EQ(some[i].loss_sum, expected.loss_sum);
            EXPECT_EQ(some[i].images, expected.images);
            EXPECT_EQ(some[i].correct_by_class, expected.correct_by_class);
        }
    }
    const auto third = std::span(examples).subspan(2 * Trainer::evaluation_batch, Trainer::evaluation_batch);
    EXPECT_EQ(c.trainer.evaluate(HeldOut::test, third).loss_sum, all[2].loss_sum);
}

TEST(Evaluation, of_no_examples_is_empty) {
    Case c("mlp");
    const Score score = c.trainer.evaluate(HeldOut::reward, {});
    EXPECT_EQ(score.images, 0);
    EXPECT_EQ(score.loss_sum, 0);
    EXPECT_EQ(score.correct_by_class.size(), 10U);
}

TEST(Evaluation, top5_is_counted_from_six_classes_up) {
    DataOptions data = Images::small();
    for (const std::int64_t classes : {5, 6}) {
        data.synthetic_classes = classes;
        Case c("mlp", data);
        const Score score = c.trainer.evaluate(HeldOut::test, first_indices(120));
        EXPECT_EQ(score.correct_top5 >= score.correct && score.correct_top5 > 0, classes == 6);
    }
}

TEST(Evaluation, ties_go_to_the_lower_class_and_nan_is_never_correct) {
    Case c("mlp");
    const auto zeros = std::ranges::count(c.images.split.test.label, 0);
    std::ranges::fill(c.trainer.state().host(), 0.0F);
    EXPECT_EQ(c.trainer.evaluate(HeldOut::test, first_indices(120)).correct, zeros);
    std::ranges::fill(c.trainer.state().host(), std::nanf(""));
    const Score score = c.trainer.evaluate(HeldOut::test, first_indices(120));
    EXPECT_EQ(score.correct, 0);
    EXPECT_EQ(score.correct_top5, 0);
    EXPECT_TRUE(std::isnan(score.loss_sum));
}

} // namespace
} // namespace autosampling
