// What the fields hold at first.
export const TEXT = `The Eddystone lighthouse stands on rocks in the English Channel, about 19 kilometres off the coast of Cornwall. The first one was built by Henry Winstanley, a maker of clocks and fountains, and its candles were lit on 14 November 1698. Winstanley died in it five years later, when the Great Storm of 1703 swept the tower away.

John Rudyerd's tower, made of oak around a core of granite, followed in 1709 and stood until 1755, when its lantern caught fire. John Smeaton then shaped his lighthouse like the trunk of a tree. He dovetailed blocks of granite and used hydraulic lime, which sets under water; engineers have called it the start of modern concrete.

The present tower was designed by James Douglass and completed in 1882. It is 49 metres high. Since 1982 nobody has lived in it: it was the first rock lighthouse of Trinity House to be automated.`;

export const QUESTION = "Who built the first lighthouse?";
export const MORE = [
  "When were its candles lit?",
  "What kind of lime did Smeaton use?",
  "Who designed the present tower?",
];

export const REVIEW =
  "The room was small, but the view over the harbour made up for it, and the staff could not have been kinder.";
export const TICKET =
  "The ferry left twenty minutes early and I missed my connection. I would like my money back.";
export const NEWS =
  "Ada Lovelace met Charles Babbage in London in 1833. Twenty years later Grace Hopper's ancestors had already settled in New York, and Siemens was laying telegraph cables for the Russian Empire.";
export const SENTENCES = `A boat is tied to the pier.
The ship has been moored at the quay.
He bakes bread every morning.
Fresh loaves come out of the oven at dawn.
The harbour is full of sails.`;
export const RANKED = {
  query: "How is a boat fastened to the shore?",
  texts: `The harbour restaurant opens at noon and serves fish.
Mooring lines are made fast to bollards or rings on the quay.
The tide rises by four metres twice a day.
An anchor holds a ship where there is no quay.`,
};
