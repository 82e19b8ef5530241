#include "autosampling/data/absent.hpp"

#include "autosampling/base/error.hpp"
#include "formats.hpp"

#include <algorithm>
#include <string_view>

namespace autosampling {

namespace {

struct Published {
    std::string_view name;
    Storage storage;
    SetSizes sizes;
    Shape shape;
};

Published published(const DataOptions& options) {
    const int side = static_cast<int>(options.image_size);
    const std::vector<Published> all{{"mnist", Storage::pixels, {60'000, 10'000, 10}, {28, 28, 1}},
                                     {"cifar10", Storage::pixels, {50'000, 10'000, 10}, {32, 32, 3}},
                                     {"cifar100", Storage::pixels, {50'000, 10'000, 100}, {32, 32, 3}},
                                     {"packed", Storage::packed, {}, {side, side, 3}}};
    const auto found = std::ranges::find(all, options.name, &Published::name);
    VALIDATE(found != all.end(), ExitCode::usage, "data.name = ", options.name,
             " can't be planned without the data (what they look like isn't known): give the data");
    return *found;
}

class Zeros : public Source {
  public:
    void fill(std::span<const std::uint32_t>, const std::optional<AugmentationDraws>&, std::span<float> out) override {
        std::ranges::fill(out, 0.F);
    }
};

} // namespace

AbsentData::AbsentData(const DataOptions& options, const SetSizes& sizes) {
    const Published known = published(options);
    VALIDATE(
        options.reward_path.empty(), ExitCode::usage,
        "data.reward_path can't be planned without the data (how many examples it has isn't known): say so many by "
        "data.reward_images, and leave it away, or give the data");
    const auto size = [](std::int64_t given, std::int64_t otherwise) { return given > 0 ? given : otherwise; };
    const auto training = static_cast<std::size_t>(size(sizes.training, known.sizes.training));
    const auto test = static_cast<std::size_t>(size(sizes.test, known.sizes.test));
    plan_.options = options;
    plan_.training_examples = training;
    plan_.test_examples = test;
    DatasetFacts& facts = plan_.facts;
    facts.shape = known.shape;
    facts.storage = known.storage;
    facts.classes = static_cast<int>(size(sizes.classes, known.sizes.classes));
    VALIDATE(training > 0 && facts.classes > 1, ExitCode::usage, "data.name = ", options.name,
             " has no sizes of its own: give --without-data TRAINING,TEST,CLASSES, as 1281167,50000,1000 for ImageNet");
    facts.class_names = detail::numbered_classes(facts.classes);
    facts.mean.assign(static_cast<std::size_t>(facts.shape.channels()), 0);
    facts.std.assign(facts.mean.size(), 1);
    detail::apply_options(plan_);
    labels_.resize(training + test);
    for (std::size_t i = 0; i < labels_.size(); ++i) labels_[i] = static_cast<std::int32_t>(i % facts.classes);
    const std::span<const std::int32_t> labels = labels_;
    const auto zeros = std::make_shared<Zeros>();
    dataset_ = {facts, {training, {}, labels.first(training), {}, zeros}, {test, {}, labels.last(test), {}, zeros}};
}

} // namespace autosampling
